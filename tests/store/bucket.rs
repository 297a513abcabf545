//! A place for objects of its own for each test: here a bucket of an S3-compatible server.

use http::Method;
use portcullis::config::{Bucket, BucketKey};
use portcullis::store::Objects;

pub(crate) struct Place {
    pub(crate) objects: Objects,
    pub(crate) bucket: Bucket,
}

impl Place {
    pub(crate) async fn fresh() -> Self {
        let place = Self::missing();
        place.ask(Method::PUT, "", &[]).await;
        place
    }

    /// A bucket that nobody has made.
    pub(crate) fn missing() -> Self {
        let server = std::env::var("PORTCULLIS_TEST_S3")
            .expect("PORTCULLIS_TEST_S3 is the address of an S3-compatible server for the tests");
        let key = BucketKey { id: "test".to_owned(), secret: "test-secret".to_owned(), token: None };
        let url = format!("s3://test-{}/season-1/a", uuid::Uuid::now_v7().simple());
        let mut bucket = Bucket::parse(&url, key).expect("a bucket");
        bucket.endpoint = Some(server);
        Self { objects: Objects::in_bucket(&bucket).expect("a bucket"), bucket }
    }

    /// Puts bytes past the program, as somebody with access to the place would.
    pub(crate) async fn tamper(&self, path: &str, bytes: &[u8]) {
        let parts: Vec<&str> = path.split('/').collect();
        self.objects.replace(&parts, bytes.to_vec().into()).await.expect("written");
    }

    /// What the server answers to a request below the bucket.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &[u8]) -> String {
        let server = self.bucket.endpoint.as_deref().expect("a server");
        let url = format!("{server}/{}{path}", self.bucket.name);
        let sent = reqwest::Client::new().request(method, url).body(body.to_vec()).send().await;
        let answer = sent.expect("the server answers");
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.text().await.expect("text")
    }
}
