"""The Terraform module takes every parameter of template.yaml and gives every output. Its files are parsed, not applied: a provider
cannot be had without its registry."""

import re

import hcl2
import pytest
from templates import GATEWAY, ROOT, read

MODULE = ROOT / "deploy/terraform"
# Variables of the module itself.
OWN = {"release", "bucket", "stack_name"}


def plain(value):
    """Parsed HCL without the parser's quotes and marks."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.strip('"') if isinstance(value, str) else value


def blocks(kind, *files):
    """Blocks of one kind, by their labels."""
    found = {}
    for file in files:
        for block in plain(hcl2.loads((MODULE / file).read_text())).get(kind, []):
            found |= block
    return found


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


PARAMETERS = {snake(name): declared for name, declared in read(GATEWAY)["Parameters"].items()}
VARIABLES = blocks("variable", "variables.tf")


def test_every_parameter_is_a_variable_and_the_rest_are_the_modules_own():
    assert VARIABLES.keys() - OWN == PARAMETERS.keys()


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_variable_agrees_with_its_parameter(name):
    variable, parameter = VARIABLES[name], PARAMETERS[name]
    assert variable["type"].strip("${}") == ("number" if parameter["Type"] == "Number" else "string")
    assert ("default" in variable) == ("Default" in parameter), "required in one of both only"
    assert variable.get("default") in (None, "null"), "the template's default is the only one"
    assert variable.get("sensitive", False) == parameter.get("NoEcho", False)
    assert variable["description"]
    if "Description" in parameter:
        same = " ".join(parameter["Description"].split())
        assert variable["description"].replace('\\"', '"').replace("\\\\", "\\") == same


def test_the_stack_gets_every_variable_under_its_parameters_name():
    (local,) = plain(hcl2.loads((MODULE / "main.tf").read_text()))["locals"]
    passed = {name: reference.strip("${}") for name, reference in local["parameters"].items()}
    assert passed == {name: f"var.{snake(name)}" for name in read(GATEWAY)["Parameters"]}


def test_every_output_of_the_template_is_an_output():
    outputs = blocks("output", "outputs.tf")
    read_from = {name: re.search(r'outputs\["(\w+)"\]', output["value"]).group(1) for name, output in outputs.items()}
    assert set(read_from.values()) == set(read(GATEWAY)["Outputs"])
    assert read_from["websocket_stage_url"] == "WebSocketUrl"
    assert read_from.keys() - {"websocket_stage_url"} <= {snake(name) for name in read(GATEWAY)["Outputs"]}


def test_the_stack_may_create_the_role_and_use_the_transform():
    stack = blocks("resource", "main.tf")["aws_cloudformation_stack"]["gateway"]
    assert stack["capabilities"] == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


def test_the_text_that_the_module_replaces_is_in_the_packaged_template():
    """scripts/bundle writes that line; its own test compares it with the packaged template."""
    local = plain(hcl2.loads((MODULE / "main.tf").read_text()))["locals"][0]
    assert '"CodeUri: function.zip"' in local["template"]
    assert '"CodeUri: function.zip"' in (ROOT / "scripts/bundle").read_text()


def test_the_example_gives_only_variables_of_the_module_and_all_required_ones():
    modules = blocks("module", "example/main.tf")
    required = {name for name, variable in VARIABLES.items() if "default" not in variable}
    for name, module in modules.items():
        given = module.keys() - {"source"}
        assert given <= VARIABLES.keys() and required <= given, name
    environments = [module.get("environment", "") for module in modules.values()]
    assert sorted(environments) == ["", "dev"] and len({module.get("stack_name") for module in modules.values()}) == 2
