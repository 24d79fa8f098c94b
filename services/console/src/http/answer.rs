//! Headers of every answer.

use axum::http::{HeaderValue, header};
use axum::response::Response;

/// Answers hold what nobody else should see: no cache keeps them, and no browser guesses what they are.
pub(super) fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
