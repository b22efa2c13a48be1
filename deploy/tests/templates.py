"""Reads templates, translates them with SAM's own translator, and resolves parameters and conditions, as CloudFormation does.

All tests share it. Values that exist only after the deployment (the id of an API, the ARN of a function) stay unresolved:
`{"Ref": "Api"}`, or `${Api}` within a text.
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
# The required parameters of each template.
REQUIRED = {
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
    """The template as in its file, with short forms expanded."""
    return yaml.load(path.read_text(), Tags)


def translated(path, **parameters):
    """The template after SAM's translation, with the function's code in a bucket."""
    template = read(path)
    if "Transform" not in template:
        return template
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/function.zip"
    return transform(template, dict(values(template, REQUIRED[path] | parameters)), Policies)


class Policies:
    """The translator looks managed policies up by name; these templates name none."""

    @staticmethod
    def load():
        return {}


def values(template, parameters):
    """Every parameter with its given or default value."""
    known = template.get("Parameters", {})
    assert parameters.keys() <= known.keys(), f"no such parameter: {parameters.keys() - known.keys()}"
    found = {name: parameters.get(name, declared.get("Default")) for name, declared in known.items()}
    missing = [name for name, value in found.items() if value is None]
    assert not missing, f"these have no default: {missing}"
    return {name: str(value) for name, value in found.items()}


def deployed(path, **parameters):
    """The template with parameters and conditions resolved, without resources that the conditions exclude."""
    template = translated(path, **parameters)
    resolver = Resolver(template, values(template, REQUIRED[path] | parameters))
    resources = {
        name: resolver.value(resource)
        for name, resource in template["Resources"].items()
        if resolver.holds(resource.get("Condition"))
    }
    return {"Resources": resources, "Outputs": resolver.value(template.get("Outputs", {}))}


def of_type(template, kind):
    """Resources of one type, by name."""
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}


class Resolver:
    """Resolves conditions and functions as CloudFormation does before it creates a resource."""

    def __init__(self, template, parameters):
        self.parameters = parameters
        self.lists = {name for name, declared in template.get("Parameters", {}).items() if "List" in declared["Type"]}
        self.conditions = template.get("Conditions", {})
        self.mappings = template.get("Mappings", {})

    def holds(self, condition):
        """True if a condition holds; it is a name or an expression."""
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
        """A value with its functions resolved."""
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
                case "Fn::FindInMap":
                    name, first, second = (self.value(part) for part in argument)
                    return self.mappings[name][first][second]
        resolved = {key: self.value(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item != NOTHING}

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
    """Messages of the template's rules and patterns that the parameters violate."""
    template = read(path)
    given = REQUIRED[path] | parameters
    resolver = Resolver(template, values(template, given))
    complaints = []
    for name, declared in template.get("Parameters", {}).items():
        value, pattern = resolver.parameters[name], declared.get("AllowedPattern")
        if pattern and not re.fullmatch(pattern, value):
            complaints.append(f"{name}: {declared.get('ConstraintDescription', pattern)}")
        if "AllowedValues" in declared and value not in map(str, declared["AllowedValues"]):
            complaints.append(f"{name}: one of {declared['AllowedValues']}")
    for rule in template.get("Rules", {}).values():
        if resolver.holds(rule.get("RuleCondition")):
            complaints += [
                assertion["AssertDescription"].strip()
                for assertion in rule["Assertions"]
                if not resolver.holds(assertion["Assert"])
            ]
    return complaints
