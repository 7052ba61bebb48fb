"""What other systems vouch for: a provider and its evidence become an external identity.

Nothing here knows users or sessions. ``accounts.login`` decides whose identity it is.

``outbound``    every request to another system, within its limits
``provider``    one configured provider as a frozen value; ``providers`` finds them
``identity``    what a provider said about somebody, and how its words are read
``issuers``     discovery documents and key sets of token issuers, kept for a while
``assertions``  verification of other issuers' signed tokens
``oauth2``, ``oidc``, ``ldap``, ``auth0``, ``workload``   one kind of provider each
"""
