//! LIST requests, whose responses come page by page (`limit` and `continue`).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    api_client::ApiClient,
    api_path::encode,
    api_request::{ApiRequest, JSON},
    deadline::Deadline,
    error::Error,
};

/// Objects that a page may have. A page that is too large is read again with a quarter of it.
const PAGE_SIZE: usize = 500;

/// Most bytes of all pages of one LIST together, after decompression. `limit` is a request that a server may ignore, and
/// continue tokens need never end.
const MAX_LIST_BYTES: usize = 128 << 20;

/// How often a LIST is started again because its continue token has expired. The API server keeps the state of a LIST for about
/// five minutes, or less when etcd is compacted.
const MAX_RESTARTS: u32 = 2;

/// The body of a page.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: PageMetadata,
    /// The objects as text, since most of a list is never looked at.
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue", default)]
    continue_token: Option<String>,
}

/// A LIST of one collection.
pub(super) struct Pager {
    path: String,
    /// The query without `limit` and `continue`.
    selector: String,
    accept: &'static str,
    page_size: usize,
}

/// The pages of a LIST that were read so far.
struct Pages<T> {
    items: Vec<T>,
    continue_token: Option<String>,
    bytes: usize,
}

impl Pager {
    /// A LIST of the collection at `path`.
    pub(super) fn new(path: String) -> Self {
        Self::accepting(JSON, path)
    }

    /// A LIST in the media type `accept`.
    pub(super) fn accepting(accept: &'static str, path: String) -> Self {
        Self { path, selector: String::new(), accept, page_size: PAGE_SIZE }
    }

    /// Restricts the list to objects with a label, `key` or `key=value`.
    pub(super) fn with_label(mut self, selector: &str) -> Self {
        self.selector = format!("&labelSelector={}", encode(selector));
        self
    }

    /// Reads all pages and keeps what `convert` makes of each object. Returns `None` if there are more than `max_objects`. An
    /// error 404 says that the server doesn't serve the kind.
    pub(super) async fn read_all<T>(
        mut self,
        max_objects: usize,
        convert: impl Fn(&RawValue) -> Option<T>,
        api: &ApiClient,
        deadline: &Deadline,
    ) -> Result<Option<Vec<T>>, Error> {
        let mut restarts = 0;
        loop {
            match self.read_pages(max_objects, &convert, api, deadline).await {
                Err(error) if error.is_expired() && restarts < MAX_RESTARTS => restarts += 1,
                result => return result,
            }
        }
    }

    async fn read_pages<T>(
        &mut self,
        max_objects: usize,
        convert: &impl Fn(&RawValue) -> Option<T>,
        api: &ApiClient,
        deadline: &Deadline,
    ) -> Result<Option<Vec<T>>, Error> {
        let mut pages = Pages { items: Vec::new(), continue_token: None, bytes: 0 };
        loop {
            if self.read_page(&mut pages, convert, api, deadline).await? {
                return Ok(Some(pages.items));
            }
            if pages.items.len() >= max_objects {
                return Ok(None);
            }
            if deadline.is_over() {
                return Err(Error::TimedOut(format!("{} has further pages", self.request(&pages))));
            }
        }
    }

    /// Reads the next page and answers whether it was the last one.
    async fn read_page<T>(
        &mut self,
        pages: &mut Pages<T>,
        convert: &impl Fn(&RawValue) -> Option<T>,
        api: &ApiClient,
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let request = self.request(pages);
        let response = match api.send(&request, deadline).await {
            Err(Error::ResponseTooLarge { .. }) if self.page_size > 1 => {
                self.page_size = (self.page_size / 4).max(1);
                return Ok(false);
            }
            response => response?,
        };
        pages.bytes += response.size();
        if pages.bytes > MAX_LIST_BYTES {
            return Err(Error::ResponseTooLarge { request: request.to_string(), limit: MAX_LIST_BYTES });
        }
        let page: Page<'_> = response.parse()?;
        let next = page.metadata.continue_token.filter(|token| !token.is_empty());
        if next.is_some() && next == pages.continue_token {
            return Err(Error::MalformedResponse(format!(
                "the continue token of {request} is that of the page itself"
            )));
        }
        pages.continue_token = next;
        pages.items.extend(page.items.into_iter().flatten().filter_map(convert));
        Ok(pages.continue_token.is_none())
    }

    fn request<T>(&self, pages: &Pages<T>) -> ApiRequest {
        let Self { path, selector, page_size, .. } = self;
        let token = pages.continue_token.as_ref().map(|token| format!("&continue={}", encode(token)));
        ApiRequest::list(format!("{path}?limit={page_size}{selector}{}", token.unwrap_or_default()), self.accept)
    }
}
