//! The public ranking.

use portcullis::model::Score;

use super::{Platform, assignments, miner};

async fn scored(platform: &Platform, who: &str, source: &str, wrong: usize) {
    platform.upload(who, source).await.expect("taken");
    let work = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
    let result = assignments::result("v1", wrong);
    platform.inside.submit_result(work.assignment_id, &result).await.expect("taken");
}

#[tokio::test]
async fn the_better_score_leads_and_the_earlier_submission_wins_a_tie() {
    let platform = Platform::start().await;
    scored(&platform, "worse", "print(1)\n", 2).await;
    // The clock is set back: who was earlier does not change by that.
    platform.clock.advance(-10_000);
    scored(&platform, "zoe", "print(2)\n", 0).await;
    platform.clock.advance(-10_000);
    scored(&platform, "adam", "print(3)\n", 0).await;
    scored(&platform, "nothing", "print(4)\n", 1000).await;
    let board = platform.client.leaderboard().await.expect("a ranking");
    let order: Vec<_> = board.rankings.iter().map(|entry| entry.miner_id.as_str()).collect();
    assert_eq!(order, ["zoe", "adam", "worse", "nothing"]);
    let total: f64 = board.rankings.iter().map(|entry| entry.reward).sum();
    assert!((total - 50.0).abs() < 1e-6, "{total}");
    assert!(board.rankings[0].reward > 0.0 && board.rankings[3].reward == 0.0);
}

#[tokio::test]
async fn the_pool_is_shared_as_the_operator_says() {
    use portcullis::judge::Scheme;
    for (scheme, name, page, rewards) in [
        (Scheme::Proportional, "proportional", "are shared in proportion to the score", None),
        (Scheme::WinnerTakesAll, "winner-takes-all", "go to the first", Some([50.0, 0.0, 0.0])),
        (Scheme::Top(1), "top-k:1", "go to the first", Some([50.0, 0.0, 0.0])),
        (Scheme::Top(2), "top-k:2", "among the first 2", None),
        (Scheme::LinearRank, "linear-rank", "by place", Some([33.333_333, 16.666_667, 0.0])),
    ] {
        let platform = Platform::with(|settings| settings.rewards = scheme).await;
        scored(&platform, "zoe", "print(1)\n", 0).await;
        scored(&platform, "adam", "print(2)\n", 2).await;
        scored(&platform, "nothing", "print(3)\n", 1000).await;
        let board = platform.client.leaderboard().await.expect("a ranking");
        assert_eq!(board.rewards, name);
        let shared: Vec<f64> = board.rankings.iter().map(|entry| entry.reward).collect();
        assert!((shared.iter().sum::<f64>() - 50.0).abs() < 1e-9, "{name}: {shared:?}");
        assert_eq!(shared[2], 0.0, "{name}: who scored nothing gets nothing");
        if let Some(rewards) = rewards {
            assert_eq!(shared, rewards, "{name}");
        }
        let shown = reqwest::get(&platform.url).await.expect("a page").text().await.expect("text");
        assert!(shown.contains("50 TAO ") && shown.contains(page), "{name}: {shown}");
    }
}

#[tokio::test]
async fn the_newest_completed_submission_of_a_miner_counts() {
    let platform = Platform::start().await;
    scored(&platform, "alice", "print(1)\n", 0).await;
    platform.upload("alice", "print(2)\n").await.expect("taken");
    let board = platform.client.leaderboard().await.expect("a ranking");
    assert_eq!((board.rankings[0].score, board.waiting), (Score::FULL, 1));
    let work = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
    platform.inside.submit_result(work.assignment_id, &assignments::result("v1", 1000)).await.expect("taken");
    let board = platform.client.leaderboard().await.expect("a ranking");
    assert_eq!((board.rankings.len(), board.rankings[0].score, board.waiting), (1, Score::ZERO, 0));
}

#[tokio::test]
async fn agents_come_in_pages() {
    let platform = Platform::start().await;
    for number in 0..7 {
        platform.upload(&format!("m{number}"), &format!("print({number})\n")).await.expect("taken");
    }
    let mut path = "/agents?limit=3".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = reqwest::get(format!("{}{path}", platform.url)).await.expect("an answer");
        let page: portcullis::api::AgentPage =
            serde_json::from_slice(&page.bytes().await.expect("a body")).expect("a page");
        seen.extend(page.agents.into_iter().map(|agent| agent.miner_id.to_string()));
        let Some(next) = page.next else { break };
        path = format!("/agents?limit=3&after={next}");
    }
    assert_eq!(seen, ["m0", "m1", "m2", "m3", "m4", "m5", "m6"]);
}
