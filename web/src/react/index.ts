/**
 * For pages with React.
 */

export {
  type TerminalApiGateway,
  type TerminalApiGatewayOptions,
  useTerminalApiGateway,
} from "./use-terminal-api-gateway.ts";
