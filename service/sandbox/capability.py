"""The CapabilityStatement: what the manners say, and the claims in which a server lies."""

from __future__ import annotations

from service.sandbox.exchange import Refusal, Resource
from service.sandbox.manners import Manners, TypeManner
from service.sandbox.parameters import parameters

TOKEN_PATH = "/_auth/token"  # noqa: S105  (a path, not a secret)


def capability_statement(manners: Manners, base: str) -> Resource:
    """A CapabilityStatement of kind instance, for this server at this base URL."""
    interactions = [{"code": "batch"}]
    if manners.transaction != "refused":
        interactions.insert(0, {"code": "transaction"})
    rest: Resource = {
        "mode": "server",
        "security": _security(manners),
        "resource": [
            {**_resource(name, manner, manners), **manners.claims}
            for name, manner in sorted(manners.types.items())
        ],
        "interaction": interactions,
    }
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "software": {"name": manners.software, "version": "1"},
        "implementation": {"description": f"Concord sandbox: {manners.name}", "url": base},
        "fhirVersion": manners.fhir_version,
        "format": ["application/fhir+json", "json"],
        "rest": [rest],
    }


def _resource(name: str, manner: TypeManner, manners: Manners) -> Resource:
    codes = ["read", "search-type"]
    if manners.versioned:
        codes += ["vread", "history-instance"]
    if manner.write:
        codes += ["create", "update"]
    known = [
        {"name": parameter.name, "type": parameter.kind}
        for parameter in parameters(name).values()
        if manner.parameters is None or parameter.name in manner.parameters
    ]
    if not manners.versioned:
        versioning = "no-version"
    else:
        versioning = "versioned-update" if manners.requires_if_match else "versioned"
    resource: Resource = {
        "type": name,
        "interaction": [{"code": code} for code in codes],
        "versioning": versioning,
        "readHistory": manners.versioned,
        "updateCreate": manner.write and manners.update_create,
        "conditionalCreate": manner.write and manners.conditional_create,
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "local"],
        "searchParam": known,
    }
    if name == "Patient" and manners.match:
        definition = "http://hl7.org/fhir/OperationDefinition/Patient-match"
        resource["operation"] = [{"name": "match", "definition": definition}]
    if manners.include:
        resource["searchInclude"] = [
            f"{name}:{parameter['name']}" for parameter in known if parameter["type"] == "reference"
        ]
    return resource


def _origin(base: str) -> str:
    scheme, _, rest = base.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _security(manners: Manners) -> Resource:
    if manners.access.kind != "smart-backend":
        return {"description": f"access: {manners.access.kind}"}
    return {
        "service": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                        "code": "SMART-on-FHIR",
                    }
                ]
            }
        ]
    }


def smart_configuration(manners: Manners, base: str) -> Resource:
    """The discovery document of SMART App Launch 2 for backend services.

    Raises: Refusal 404 where the server has another way of access.
    """
    if manners.access.kind != "smart-backend":
        raise Refusal(404, "not-found", "this server has no SMART configuration")
    return {
        "issuer": base,
        "token_endpoint": _origin(base) + TOKEN_PATH,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": ["system/*.rs", "system/*.read", "system/*.cruds"],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }
