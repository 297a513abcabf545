//! Lists that the platform answers in pages.

use serde::de::DeserializeOwned;

use crate::api::{AgentDetail, AgentPage, BanList, HoldList, Leaderboard, RejudgeList, TaskList};

/// A page of a list.
pub(super) trait Page: DeserializeOwned {
    /// The cursor of the next page; `None` on the last one.
    fn take_next(&mut self) -> Option<String>;

    /// Adds the entries of the page that follows, and its cursor. What else stands on a page is kept
    /// from the first one.
    fn append(&mut self, following: Self);
}

macro_rules! pages {
    ($($list:ty: $entries:ident),* $(,)?) => {
        $(impl Page for $list {
            fn take_next(&mut self) -> Option<String> {
                self.next.take()
            }

            fn append(&mut self, following: Self) {
                self.$entries.extend(following.$entries);
                self.next = following.next;
            }
        })*
    };
}

pages! {
    AgentDetail: submissions,
    AgentPage: agents,
    BanList: bans,
    HoldList: holds,
    Leaderboard: rankings,
    RejudgeList: rejudges,
    TaskList: tasks,
}
