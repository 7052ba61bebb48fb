"""The OpenAPI 3.1 document of every contract, made from the contracts; served where it is on.

``refusals``  what the tables of refusals can give
``likeness``  a schema that fits given values
``operation`` one action, by drf-spectacular
``document``  the whole
``exchanges`` the examples: real requests with their answers
``views``     where it is served
"""
