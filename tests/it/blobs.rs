//! Sources and the current agents as objects: the same on a local folder and in a bucket.

use std::sync::Arc;

use portcullis::model::Digest;
use portcullis::store::{Admission, AgentFiles, AgentRecord, Blobs, NewSubmission, Store, Submission};

use crate::bucket::Place;
use crate::support::{StillClock, miner, submission};

const SOURCE: &str = "print('ä')\n";

#[tokio::test]
async fn a_source_is_found_by_its_digest_and_may_be_put_again() {
    let blobs = Blobs::new(Place::fresh().await.objects);
    let digest = Digest::of(SOURCE.as_bytes());
    assert!(blobs.get(digest).await.is_err(), "it is not there yet");
    for _ in 0..3 {
        blobs.put(digest, SOURCE).await.expect("stored");
    }
    assert_eq!(&*blobs.get(digest).await.expect("read"), SOURCE);
    blobs.ping().await.expect("it answers");
}

#[tokio::test]
async fn many_that_put_the_same_source_at_once_all_succeed() {
    let blobs = Blobs::new(Place::fresh().await.objects);
    let digest = Digest::of(SOURCE.as_bytes());
    let mut puts = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let blobs = blobs.clone();
        puts.spawn(async move { blobs.put(digest, SOURCE).await.expect("stored") });
    }
    puts.join_all().await;
    assert_eq!(&*blobs.get(digest).await.expect("read"), SOURCE);
}

#[tokio::test]
async fn a_source_that_somebody_changed_is_not_handed_out_and_is_mended_by_the_next_upload() {
    let place = Place::fresh().await;
    let blobs = Blobs::new(place.objects.clone());
    let digest = Digest::of(SOURCE.as_bytes());
    blobs.put(digest, SOURCE).await.expect("stored");
    let name = digest.to_string();
    place.tamper(&format!("{}/{}", &name[..2], &name[2..]), b"print(2)\n").await;
    let error = blobs.get(digest).await.expect_err("refused");
    assert!(error.to_string().contains("digest") && !error.is_outage(), "{error}");
    blobs.put(digest, SOURCE).await.expect("stored again");
    assert_eq!(&*blobs.get(digest).await.expect("read"), SOURCE);
}

#[tokio::test]
async fn folders_in_a_place_do_not_meet() {
    let objects = Place::fresh().await.objects;
    let (one, two) = (Blobs::new(objects.below("one")), Blobs::new(objects.below("two")));
    let digest = Digest::of(SOURCE.as_bytes());
    one.put(digest, SOURCE).await.expect("stored");
    let error = two.get(digest).await.expect_err("not there");
    // Lost, and not away for a while: to try again would not help.
    assert!(!error.is_outage(), "{error}");
}

async fn submit(store: &Store, clock: &StillClock, source: &str) -> Submission {
    match store.admit(&submission("alice", source, clock)).await.expect("it works") {
        Admission::Stored(submission) => *submission,
        refused => panic!("{refused:?}"),
    }
}

#[tokio::test]
async fn the_current_agent_lies_beside_its_metadata_and_is_mended() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open_file(&folder.path().join("db")).await.expect("a store");
    let place = Place::fresh().await;
    let (blobs, files) = (Blobs::new(place.objects.below("s")), AgentFiles::new(place.objects.clone()));
    let clock = StillClock::new();
    let mut last = None;
    for source in ["print(1)\n", "print(2)\n"] {
        blobs.put(Digest::of(source.as_bytes()), source).await.expect("stored");
        last = Some(submit(&store, &clock, source).await);
        files.follow(&store, &blobs, &miner("alice")).await.expect("written");
    }
    let last = last.expect("submitted");
    let read = async |name| place.objects.get(&[name]).await.expect("there");
    assert_eq!(read("alice.py").await, "print(2)\n");
    let record: AgentRecord = serde_json::from_slice(&read("alice.json").await).expect("a record");
    assert_eq!((record.submission_id, record.source_sha256), (last.id, last.source));

    place.tamper("alice.py", b"half a li").await;
    files.mend(&store, &blobs, &last).await.expect("mended");
    assert_eq!(read("alice.py").await, "print(2)\n");
}

#[tokio::test]
async fn a_source_that_waits_for_its_place_is_whole_whatever_lies_there_and_is_moved_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open_file(&folder.path().join("db")).await.expect("a store");
    let place = folder.path().join("sources");
    let blobs = Blobs::in_folder(&place).expect("a folder").with_shelf(&store);
    let clock = StillClock::new();
    assert!(blobs.has_shelf(), "they are stored with their rows");
    // Texts that come together are cut apart rightly, whatever is in them.
    let texts = ["print('ä')\n", "# \0 \u{1f9ea} \"quoted\" \\u0000\n", "x = 1\n"];
    let arrivals = texts.iter().enumerate().map(async |(number, text)| {
        let text = Some(Arc::from(*text));
        let new = NewSubmission { text, ..submission(&format!("m{number}"), texts[number], &clock) };
        assert!(matches!(store.admit(&new).await.expect("it works"), Admission::Stored(_)));
    });
    futures_util::future::join_all(arrivals).await;
    let name = Digest::of(texts[0].as_bytes()).to_string();
    let file = place.join(&name[..2]).join(&name[2..]);
    for half in [None, Some("print"), Some("")] {
        if let Some(half) = half {
            // As a power cut leaves it.
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            std::fs::write(&file, half).expect("written");
        }
        for text in texts {
            assert_eq!(&*blobs.get(Digest::of(text.as_bytes())).await.expect("read"), text);
        }
    }
    assert_eq!(blobs.settle().await.expect("moved"), 3);
    assert_eq!(blobs.settle().await.expect("nothing to do"), 0);
    let moved = Blobs::in_folder(&place).expect("a folder");
    for text in texts {
        assert_eq!(&*moved.get(Digest::of(text.as_bytes())).await.expect("in its place"), text);
        assert_eq!(&*blobs.get(Digest::of(text.as_bytes())).await.expect("read"), text);
    }
}
