//! The door for REST: Heketi's routes, Mortar's own, metrics.
//!
//! A request passes the gate (token, role, path), is read and checked by `mortar-heketi` or `mortar-api`, is put to the engine
//! through its public API, and is answered in the language of its route. This room decides nothing about volumes and knows no
//! command; nothing outside it knows how HTTP is served.
//!
//! | file | job |
//! |---|---|
//! | `routes` | the list of all routes, with the OpenAPI document made of it |
//! | `http/` | connections, limits, the gate, bodies, the forms of answers |
//! | `heketi/` | Heketi's routes |
//! | `v1/` | Mortar's own routes |
//! | `inside` | the same routes for a door in this process |
//! | `convert/` | records in the form that the wire shows |
//! | `refusal` | the one table from the engine's errors to texts, statuses and kinds |
//! | `tls` | the certificate, and the ones that replace it |
//! | `admin` | which clients the server serves, how much it logs |
//! | `metrics`, `old_metrics` | what is counted at the door; Heketi's metrics under their names |

mod admin;
mod convert;
mod heketi;
mod http;
mod inside;
mod metrics;
mod old_metrics;
mod refusal;
mod routes;
mod server;
mod state;
mod tls;
mod v1;
mod wanted;

pub use admin::{Admin, LogDial};
pub use http::limits::HttpLimits;
pub use inside::{Inside, InsideAnswer};
pub use routes::openapi_document;
pub use server::{Options, Server, VolumeOptions};
pub use tls::{Tls, TlsError, TlsFiles};
