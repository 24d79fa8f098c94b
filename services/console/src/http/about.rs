//! Who answers here, without a look at the bus.

use axum::Json;

use crate::api::About;

/// `GET /api/v1`.
pub(super) async fn about() -> Json<About> {
    Json(About { name: About::NAME.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
}
