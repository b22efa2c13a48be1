/**
 * The gateway as a construct. It includes the release's own template, so that CDK, Terraform and SAM deploy the same resources.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CfnElement, Validations } from "aws-cdk-lib";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import type { CfnFunction } from "aws-cdk-lib/aws-sam";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import { Construct } from "constructs";

export interface TermgateGatewayProps {
  /** The unpacked `termgate-VERSION-ARCHITECTURE.zip`, or `dist/termgate` after `make package`. */
  readonly release: string;
  /**
   * Parameters of the template, by their names there; `BackendUrl` and one key of the users' tokens are required. Give secrets by
   * their ARNs: other values become part of the synthesised template.
   */
  readonly parameters: Readonly<Record<string, string | number>>;
}

/** Logical ids are the template's, so a stack holds one gateway. */
export class TermgateGateway extends Construct {
  /** `NEXT_PUBLIC_WS_URL` of the page: `wss://…/prod`. */
  readonly webSocketUrl: string;
  /** Address at which the function posts to browsers: `https://…/prod`. */
  readonly connectionsEndpoint: string;
  /** ARN of the function's role. */
  readonly functionRoleArn: string;
  /** The template, for what this class does not offer: `template.getResource("Stage")`. */
  readonly template: CfnInclude;

  constructor(scope: Construct, id: string, props: TermgateGatewayProps) {
    super(scope, id);
    const [templateFile, zip] = [join(props.release, "template.yaml"), join(props.release, "function.zip")];
    for (const file of [templateFile, zip]) {
      if (!existsSync(file)) {
        throw new Error(`${file} is missing: \`release\` must be an unpacked termgate-VERSION-ARCHITECTURE.zip`);
      }
    }
    this.template = new CfnInclude(this, "Template", { templateFile, parameters: { ...props.parameters } });
    // CDK's validation reads neither the conditions around a default of '' nor the rules about it.
    for (const id of ["W1028", "W1030"]) {
      const reason = "A condition excludes this branch whenever the parameter is empty.";
      Validations.of(this).acknowledge({ id: `CloudFormation-Validate::${id}`, reason });
    }
    const code = new Asset(this, "Code", { path: zip });
    const handler: CfnElement & Partial<CfnFunction> = this.template.getResource("Function");
    handler.codeUri = { bucket: code.s3BucketName, key: code.s3ObjectKey };
    const output = (name: string): string => this.template.getOutput(name).value;
    this.webSocketUrl = output("WebSocketUrl");
    this.connectionsEndpoint = output("ConnectionsEndpoint");
    this.functionRoleArn = output("FunctionRoleArn");
  }
}
