"""Reads templates, translates them with SAM's own translator, and resolves parameters and conditions, as CloudFormation does.

Apart from the tests, because CloudFormation's functions are the same for all of them. What only exists once something is deployed
(the id of an API, the ARN of a function) stays as it stands: `{"Ref": "Api"}`, or `${Api}` within a text.
"""

import json
import re
from pathlib import Path

import yaml
from samtranslator.translator.transform import transform

ROOT = Path(__file__).resolve().parents[2]
GATEWAY = ROOT / "template.yaml"
ROLE = ROOT / "deploy/role.yaml"
APPRUNNER = ROOT / "deploy/apprunner.yaml"
ECS = ROOT / "deploy/ecs-express.yaml"
ALL = [GATEWAY, ROLE, APPRUNNER, ECS]

SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:termgate/jwt-AbCdEf"
ROLE_ARN = "arn:aws:iam::123456789012:role/made-by-the-admin"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/termgate:1"
# The least that each template must be given.
LEAST = {
    GATEWAY: {"BackendUrl": "https://abc.eu-central-1.awsapprunner.com", "JwtSecretArn": SECRET_ARN},
    ROLE: {},
    APPRUNNER: {"ImageUri": IMAGE, "JwtSecretArn": SECRET_ARN},
    ECS: {"ImageUri": IMAGE, "JwtSecretArn": SECRET_ARN, "VpcId": "vpc-01234567", "SubnetIds": "subnet-01234567,subnet-89abcdef"},
}
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
}
NOTHING = {"Ref": "AWS::NoValue"}


class Tags(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _short(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt":
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Tags.add_multi_constructor("!", _short)


def read(path):
    """A template as it is written."""
    return yaml.load(path.read_text(), Tags)


def translated(path, **parameters):
    """What SAM makes of it, once its code lies in a bucket."""
    template = read(path)
    if "Transform" not in template:
        return template
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/function.zip"
    return transform(template, dict(values(template, LEAST[path] | parameters)), Policies)


class Policies:
    """The translator asks for managed policies by name; these templates name none."""

    @staticmethod
    def load():
        return {}


def values(template, parameters):
    """Every parameter with its value, as given or by default."""
    known = template.get("Parameters", {})
    assert parameters.keys() <= known.keys(), f"no such parameter: {parameters.keys() - known.keys()}"
    found = {name: parameters.get(name, about.get("Default")) for name, about in known.items()}
    missing = [name for name, value in found.items() if value is None]
    assert not missing, f"these have no default: {missing}"
    return {name: str(value) for name, value in found.items()}


def deployed(path, **parameters):
    """The template with parameters and conditions resolved: it has only the resources that would be created."""
    template = translated(path, **parameters)
    decide = Decisions(template, values(template, LEAST[path] | parameters))
    resources = {
        name: decide.value(resource)
        for name, resource in template["Resources"].items()
        if decide.holds(resource.get("Condition"))
    }
    return {"Resources": resources, "Outputs": decide.value(template.get("Outputs", {}))}


def of_type(template, kind):
    """Resources of one type, by name."""
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}


class Decisions:
    """Decides what CloudFormation decides before it creates anything."""

    def __init__(self, template, parameters):
        self.parameters = parameters
        self.lists = {name for name, about in template.get("Parameters", {}).items() if "List" in about["Type"]}
        self.conditions = template.get("Conditions", {})

    def holds(self, condition):
        """Whether a condition holds, named or written out."""
        if condition is None:
            return True
        if isinstance(condition, str):
            return self.holds(self.conditions[condition])
        if "Condition" in condition:
            return self.holds(condition["Condition"])
        (function, arguments), = condition.items()
        match function:
            case "Fn::Equals":
                first, second = (self.value(argument) for argument in arguments)
                return str(first) == str(second)
            case "Fn::Not":
                return not self.holds(arguments[0])
            case "Fn::And":
                return all(self.holds(argument) for argument in arguments)
            case "Fn::Or":
                return any(self.holds(argument) for argument in arguments)
            case "Fn::Contains":
                return self.value(arguments[1]) in self.value(arguments[0])
        raise AssertionError(f"a condition with {function}")

    def value(self, value):
        """A value without what has been decided."""
        if isinstance(value, list):
            return [item for item in (self.value(item) for item in value) if item != NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, argument), = value.items()
            match function:
                case "Ref":
                    return self.reference(argument)
                case "Fn::If":
                    condition, yes, no = argument
                    return self.value(yes if self.holds(condition) else no)
                case "Fn::Sub":
                    return self.text(argument)
        decided = {key: self.value(item) for key, item in value.items()}
        return {key: item for key, item in decided.items() if item != NOTHING}

    def reference(self, name):
        if name in self.parameters:
            value = self.parameters[name]
            return value.split(",") if name in self.lists else value
        return PSEUDO.get(name, {"Ref": name})

    def text(self, argument):
        template, names = argument if isinstance(argument, list) else (argument, {})

        def put(match):
            name = match.group(1)
            value = self.value(names[name]) if name in names else self.reference(name)
            if isinstance(value, (str, int)):
                return str(value)
            return json.dumps(value) if name in names else match.group(0)

        return re.sub(r"\$\{([^!}]+)\}", put, template)


def refused(path, **parameters):
    """What the template's rules say against parameters."""
    template = read(path)
    given = LEAST[path] | parameters
    decide = Decisions(template, values(template, given))
    complaints = []
    for name, about in template.get("Parameters", {}).items():
        value, pattern = decide.parameters[name], about.get("AllowedPattern")
        if pattern and not re.fullmatch(pattern, value):
            complaints.append(f"{name}: {about.get('ConstraintDescription', pattern)}")
        if "AllowedValues" in about and value not in map(str, about["AllowedValues"]):
            complaints.append(f"{name}: one of {about['AllowedValues']}")
    for rule in template.get("Rules", {}).values():
        if decide.holds(rule.get("RuleCondition")):
            complaints += [
                assertion["AssertDescription"].strip()
                for assertion in rule["Assertions"]
                if not decide.holds(assertion["Assert"])
            ]
    return complaints
