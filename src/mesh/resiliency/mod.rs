//! Resiliency settings that services, external services and the mesh's defaults share: the preset, and the blocks whose fields
//! override its numbers.

mod circuit_breaker;
mod connection_pool;
mod connections;
mod load_balancing;
mod outlier_detection;
mod preset;
mod retries;

pub use circuit_breaker::CircuitBreaker;
pub(super) use connection_pool::{connection_pool, limits_retries};
pub use connections::Connections;
pub use load_balancing::{LoadBalancing, Locality};
pub(super) use load_balancing::{load_balancer, selects_endpoints};
pub use outlier_detection::OutlierDetection;
pub(super) use outlier_detection::outlier_detection;
pub use preset::{Preset, PresetSettings};
pub use retries::Retries;
pub(super) use retries::{CONDITION, EffectiveRetries, effective_retries, is_condition, route_retries};
