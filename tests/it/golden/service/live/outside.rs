//! What rules, routes and gateways name.
