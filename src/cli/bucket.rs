//! Where sources and current agents lie, for the commands that open a platform's files. Not a command.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Bucket, BucketKey};

#[derive(Debug, Args)]
pub(crate) struct BucketOptions {
    /// A bucket of an S3-compatible store, `s3://BUCKET/PREFIX`, for sources and current agents. By
    /// default they lie in the data folder. The key comes from AWS_ACCESS_KEY_ID and
    /// AWS_SECRET_ACCESS_KEY, or from a file.
    #[arg(long, value_name = "URL", env = "PORTCULLIS_BLOBS")]
    blobs: Option<String>,

    /// The address of the S3-compatible store, where it is not Amazon's.
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL")]
    blobs_endpoint: Option<String>,

    /// The bucket's region.
    #[arg(long, value_name = "REGION", env = "AWS_REGION")]
    blobs_region: Option<String>,

    /// The file with the key to the bucket, as Amazon's tools have it, which only its owner may read.
    #[arg(long, value_name = "FILE", env = "AWS_SHARED_CREDENTIALS_FILE")]
    blobs_credentials: Option<PathBuf>,
}

impl BucketOptions {
    pub(crate) fn bucket(&self) -> anyhow::Result<Option<Bucket>> {
        let Some(url) = &self.blobs else { return Ok(None) };
        let key = match &self.blobs_credentials {
            Some(file) => BucketKey::read(file)?,
            None => BucketKey::from_environment()?,
        };
        let mut bucket = Bucket::parse(url, key)?;
        bucket.endpoint.clone_from(&self.blobs_endpoint);
        if let Some(region) = &self.blobs_region {
            bucket.region.clone_from(region);
        }
        Ok(Some(bucket))
    }
}
