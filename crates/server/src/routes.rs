//! All routes, each registered together with its description: there is no route that the OpenAPI document lacks.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::App;
use crate::{heketi, metrics, v1};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mortar",
        description = "Heketi's REST API at its own paths, and Mortar's own API below /v1. Errors of Heketi's routes are \
                       plain text; those of /v1 are JSON."
    ),
    tags(
        (name = "server", description = "The server itself"),
        (name = "clusters", description = "Trusted pools"),
        (name = "nodes", description = "Members of a trusted pool"),
        (name = "devices", description = "Disks, or directories that stand for them"),
        (name = "volumes", description = "GlusterFS volumes"),
        (name = "operations", description = "Changes that are under way"),
        (name = "queue", description = "What became of a request that was answered with 202"),
        (name = "v1", description = "What Heketi lacks"),
    ),
    modifiers(&Token),
    security(("token" = [])),
)]
struct About;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut Document) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".into());
        scheme.description = Some(
            "A JSON web token signed with a shared key (HS256, HS384 or HS512). Claims: iss (admin or user), iat, exp, \
             and qsh, the lower-case hex SHA-256 of METHOD&PATH without the query."
                .into(),
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// Every route of the server.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(About::openapi())
        // Open to everybody.
        .routes(routes!(heketi::hello::hello))
        .routes(routes!(metrics::show))
        // Heketi's.
        .routes(routes!(heketi::queue::poll))
        .routes(routes!(heketi::clusters::create, heketi::clusters::list))
        .routes(routes!(heketi::clusters::info, heketi::clusters::delete))
        .routes(routes!(heketi::clusters::set_flags))
        .routes(routes!(heketi::nodes::add, heketi::lists::nodes))
        .routes(routes!(heketi::nodes::info, heketi::nodes::delete))
        .routes(routes!(heketi::nodes::set_state))
        .routes(routes!(heketi::nodes::set_tags))
        .routes(routes!(heketi::devices::add, heketi::lists::devices))
        .routes(routes!(heketi::devices::info, heketi::devices::delete))
        .routes(routes!(heketi::devices::set_state))
        .routes(routes!(heketi::devices::set_tags))
        .routes(routes!(heketi::devices::resync))
        .routes(routes!(heketi::volumes::create, heketi::volumes::list))
        .routes(routes!(heketi::volumes::info, heketi::volumes::delete))
        .routes(routes!(heketi::volumes::expand))
        .routes(routes!(heketi::clones::clone))
        .routes(routes!(heketi::blocks::restrict))
        .routes(routes!(heketi::blocks::create, heketi::blocks::list))
        .routes(routes!(heketi::blocks::info, heketi::blocks::delete))
        .routes(routes!(heketi::blocks::expand))
        .routes(routes!(heketi::bricks::evict))
        .routes(routes!(heketi::lists::bricks))
        .routes(routes!(heketi::operations::counts))
        .routes(routes!(heketi::operations::pending))
        .routes(routes!(heketi::operations::details))
        .routes(routes!(heketi::cleanup::clean_up))
        .routes(routes!(heketi::db::back_up))
        .routes(routes!(heketi::db::dump))
        .routes(routes!(heketi::db::checked))
        .routes(routes!(heketi::admin::level, heketi::admin::set_level))
        .routes(routes!(heketi::admin::state, heketi::admin::set_state))
        .routes(routes!(heketi::examine::show))
        .routes(routes!(heketi::topology::show))
        // Mortar's own.
        .routes(routes!(v1::volumes::create, v1::volumes::list))
        .routes(routes!(v1::volumes::info, v1::volumes::delete))
        .routes(routes!(v1::attachments::attach, v1::attachments::detach))
        .routes(routes!(v1::health::of_volume))
        .routes(routes!(v1::health::list))
        .routes(routes!(v1::capacity::show))
        .routes(routes!(v1::capacity::limits))
        .routes(routes!(v1::bricks::list))
        .routes(routes!(v1::bricks::evict))
        .routes(routes!(v1::bricks::drain_device))
        .routes(routes!(v1::bricks::drain_node))
        .routes(routes!(v1::bricks::forget_node))
        .routes(routes!(v1::nodes::list))
        .routes(routes!(v1::nodes::set_address))
        .routes(routes!(v1::nodes::replace))
        .routes(routes!(v1::devices::set_overcommit))
        .routes(routes!(v1::growth::expand))
        .routes(routes!(v1::devices::list, v1::devices::add))
        .routes(routes!(v1::growth::resize_device))
        .routes(routes!(v1::options::set))
        .routes(routes!(v1::heal::show))
        .routes(routes!(v1::replicas::change))
        .routes(routes!(v1::snapshots::list, v1::snapshots::create))
        .routes(routes!(v1::snapshots::info, v1::snapshots::delete))
        .routes(routes!(v1::snapshots::restore))
        .routes(routes!(v1::snapshots::clone))
        .routes(routes!(v1::snapshots::clone_volume))
        .routes(routes!(v1::groups::list, v1::groups::create))
        .routes(routes!(v1::groups::info, v1::groups::delete))
        .routes(routes!(v1::blocks::list, v1::blocks::create))
        .routes(routes!(v1::blocks::info, v1::blocks::delete))
        .routes(routes!(v1::blocks::expand))
        .routes(routes!(v1::blocks::replace_host))
        .routes(routes!(v1::operations::cancel))
        .routes(routes!(v1::plan::plan))
        .routes(routes!(v1::explain::explain_volume))
        .routes(routes!(v1::explain::explain_block))
        .routes(routes!(v1::check::last, v1::check::fresh))
        .routes(routes!(v1::check::repair))
        .routes(routes!(v1::operations::list))
        .routes(routes!(v1::operations::info))
        .routes(routes!(v1::operations::retry))
        .routes(routes!(v1::rebuild::rebuild))
        .routes(routes!(v1::adopt::adopt))
        .routes(routes!(v1::operations::abandon))
        .routes(routes!(v1::topology::show))
        .routes(routes!(v1::backups::list, v1::backups::take))
        .routes(routes!(v1::document::show))
}

/// The document as it is answered and checked in.
pub(crate) fn text(document: &Document) -> String {
    // Made of texts and maps only.
    let mut text = document
        .to_pretty_json()
        .expect("an OpenAPI document can always be written as JSON");
    text.push('\n');
    text
}

/// The OpenAPI document of this version of the server.
pub fn openapi_document() -> String {
    text(&routes().into_openapi())
}
