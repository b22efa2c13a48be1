/** An app with two environments in one account: `RELEASE=termgate npx cdk deploy --app 'node dist/example/app.js' TermgateDev`. */

import { App, Stack } from "aws-cdk-lib";
import { TermgateGateway } from "../lib/gateway.js";

const app = new App();
const secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret";
for (const [id, environment, backend] of [
  ["Termgate", "", "https://abc123.eu-central-1.awsapprunner.com"],
  ["TermgateDev", "dev", "https://def456.eu-central-1.awsapprunner.com"],
] as const) {
  new TermgateGateway(new Stack(app, id), "Gateway", {
    release: process.env["RELEASE"] ?? "../../dist/termgate",
    parameters: {
      Environment: environment,
      BackendUrl: backend,
      JwtSecretArn: `${secret}:termgate/jwt-AbCdEf`,
      AllowedOrigins: "https://labs.example.com",
    },
  });
}
