//! What all screens share: session, register, newest values, alarms, the station's state, time, preferences. Fed by one
//! live feed; must not know how anything is drawn.

mod alarms;
mod decision;
mod floods;
mod hearing;
mod listed;
mod plant;
mod points;
mod positions;
mod preferences;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use gloo_timers::callback::Interval;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_i18n::I18nContext;
use penstock_api::{
    AcknowledgeAlarms, ActRefusal, ActReport, AlarmCounts, ApiError, Call, Code, Frame, GetRegister, Hello, Series,
    Session, SignOut, StationCard, StationStatus, WhoAmI,
};
use penstock_model::{Permission, Point, PointId, RuleId, Timestamp};

pub(crate) use alarms::AlarmList;
pub(crate) use decision::{Decision, Question};
pub(crate) use floods::{FloodList, Groups};
pub(crate) use hearing::Hearing;
#[cfg(test)]
pub(crate) use listed::tests::{alarm as test_alarm, rule as test_rule};
pub(crate) use listed::{Listed, put_in, take_out};
pub(crate) use plant::PlantView;
#[cfg(test)]
pub(crate) use points::tests::point as test_point;
pub(crate) use points::{PointTable, Trust, trust};
pub(crate) use positions::{Desk, concerns};

use crate::backend::{Backend, Feed, Live};
use crate::format::Zone;
use crate::i18n::{Locale, td_string};
use crate::page::{self, Store};
use crate::sound::Waiting;
use crate::words;

const TOKEN_KEY: &str = "penstock.token";

/// How far the start has come.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Start {
    /// Asking the station.
    Asking,
    /// The station has answered.
    Done,
    /// It has not; asked again by and by.
    Unreached(String),
}

/// How the live feed stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// No frame yet.
    Opening,
    /// Frames come.
    Up,
    /// None since then.
    Away(Timestamp),
}

/// A dialog over the screens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Overlay {
    /// Acknowledge these; what was seen of each is its occurrence.
    Acknowledge(Vec<(RuleId, u64)>),
    /// Say something about one.
    Comment(RuleId, u64),
    /// Shelve these.
    Shelve(Vec<RuleId>),
    /// Take one out of service.
    TakeOutOfService(RuleId),
    /// Return one to service.
    ReturnToService(RuleId),
    /// Go anywhere.
    GoTo,
    /// The keyboard's map.
    Keys,
    /// Adopt these points at once.
    AdoptMany(Vec<penstock_model::PointId>),
    /// Points from a file.
    ImportPoints,
    /// Historic values from a file.
    ImportValues,
    /// Alarm rules from a file.
    ImportRules,
    /// Remove an alarm rule that a person made; the rest is what it is called.
    RemoveRule(RuleId, String),
    /// Decide on alarms, with a reason.
    Decide(Question),
}

/// What the screen reader is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Announcement {
    /// At once.
    pub(crate) assertive: String,
    /// When there is time.
    pub(crate) polite: String,
}

/// What all screens share; handed on as a context.
#[derive(Clone, Copy)]
pub(crate) struct App {
    /// The way to the station.
    pub(crate) backend: Backend,
    /// Language of the screens.
    pub(crate) i18n: I18nContext<Locale>,
    /// How far the start has come.
    pub(crate) start: RwSignal<Start>,
    /// The station as it is told to anyone.
    pub(crate) card: RwSignal<Option<StationCard>>,
    /// The open session.
    pub(crate) session: RwSignal<Option<Session>>,
    /// Newest values.
    pub(crate) points: PointTable,
    /// Counts up with every frame that brings values, for what sums many points up.
    pub(crate) frames: RwSignal<u64>,
    /// Listed alarms.
    pub(crate) alarms: AlarmList,
    /// Which of them belong together.
    pub(crate) floods: FloodList,
    /// How many alarms there are.
    pub(crate) counts: RwSignal<AlarmCounts>,
    /// What this desk answers for.
    pub(crate) desk: Desk,
    /// How the station is.
    pub(crate) status: RwSignal<Option<StationStatus>>,
    /// Plant and points.
    pub(crate) plant: RwSignal<Option<Arc<PlantView>>>,
    /// How the live feed stands.
    pub(crate) link: RwSignal<Link>,
    /// The station's present time, to the second.
    pub(crate) now: RwSignal<Timestamp>,
    /// The plant's zone.
    pub(crate) zone: RwSignal<Zone>,
    /// Light or dark, as chosen.
    pub(crate) theme: RwSignal<penstock_api::ThemeChoice>,
    /// Light or dark, as shown.
    pub(crate) mode: RwSignal<penstock_theme::Mode>,
    /// How alarms are heard, as chosen.
    pub(crate) sound: RwSignal<penstock_api::SoundChoice>,
    /// What of the alarms is heard.
    pub(crate) hearing: Hearing,
    /// The open dialog.
    pub(crate) overlay: RwSignal<Option<Overlay>>,
    /// What the screen reader is told.
    pub(crate) announcement: RwSignal<Announcement>,
    /// The last thing that went wrong with what a person did, until they have seen it.
    pub(crate) trouble: RwSignal<Option<String>>,
    /// How often something was said about an alarm on this screen: that changes no alarm, but what is known of it.
    pub(crate) said: RwSignal<u32>,
    /// How often something was decided on this screen that changes no rule, or was found about one.
    pub(crate) decided: RwSignal<u32>,
    /// How often historic values were imported: what charts have fetched is not all there is any more.
    pub(crate) imported: RwSignal<u32>,
    /// What a person did and where it went, until they have seen it.
    pub(crate) remark: RwSignal<Option<String>>,
    /// The banner's first line: rule and occurrence, and since when it is shown on this machine.
    pub(crate) first_line: StoredValue<Option<(RuleId, u64, Timestamp)>>,
    feed: StoredValue<Option<Feed>, LocalStorage>,
    tick: StoredValue<Option<Interval>, LocalStorage>,
    /// The station's clock against this machine's, in µs.
    skew_micros: StoredValue<i64>,
    register_asked: StoredValue<u64>,
    /// Series that a screen was told last, by the screen's word for them.
    kept: StoredValue<HashMap<(&'static str, PointId), Series>>,
}

/// What all screens share.
pub(crate) fn use_app() -> App {
    expect_context()
}

impl App {
    /// Makes it, hands it on, and asks the station.
    pub(crate) fn provide(i18n: I18nContext<Locale>) -> Self {
        let (session, plant) = (RwSignal::new(None), RwSignal::new(None));
        let (alarms, counts) = (AlarmList::new(), RwSignal::new(AlarmCounts::default()));
        let app = Self {
            backend: Backend::found(),
            i18n,
            start: RwSignal::new(Start::Asking),
            card: RwSignal::new(None),
            session,
            points: PointTable::new(),
            frames: RwSignal::new(0),
            alarms,
            floods: FloodList::new(),
            counts,
            desk: Desk::new(session, plant, alarms, counts),
            status: RwSignal::new(None),
            plant,
            link: RwSignal::new(Link::Opening),
            now: RwSignal::new(page::now()),
            zone: RwSignal::new(Zone::default()),
            theme: RwSignal::new(preferences::kept_theme()),
            mode: RwSignal::new(preferences::mode_of(preferences::kept_theme())),
            sound: RwSignal::new(preferences::kept_sound()),
            hearing: Hearing::new(),
            overlay: RwSignal::new(None),
            announcement: RwSignal::new(Announcement::default()),
            trouble: RwSignal::new(None),
            remark: RwSignal::new(None),
            said: RwSignal::new(0),
            decided: RwSignal::new(0),
            imported: RwSignal::new(0),
            first_line: StoredValue::new(None),
            feed: StoredValue::new_local(None),
            tick: StoredValue::new_local(None),
            skew_micros: StoredValue::new(0),
            register_asked: StoredValue::new(0),
            kept: StoredValue::new(HashMap::new()),
        };
        provide_context(app);
        preferences::set_up(app);
        app.tick.set_value(Some(Interval::new(1_000, move || app.tick())));
        spawn_local(app.ask());
        app
    }

    /// Makes a call in this session. A session that has ended leads to the sign-in.
    pub(crate) async fn call<C: Call>(self, call: C) -> Result<C::Reply, ApiError> {
        let token = self.session.try_get_untracked().flatten().map(|session| session.token);
        let had_token = token.is_some();
        let reply = self.backend.call(token, call).await;
        if had_token && reply.as_ref().is_err_and(|error| error.code == Code::SignedOut) {
            self.leave();
        }
        reply.map_err(|error| match error.code {
            // In the person's language, and not as the browser puts it.
            Code::Away if self.is_away() => {
                let locale = self.i18n.get_locale_untracked();
                ApiError::new(Code::Away, td_string!(locale, frame.no_answer))
            }
            _ => error,
        })
    }

    /// Whether the station does not answer; not tracked.
    pub(crate) fn is_away(self) -> bool {
        matches!(self.link.try_get_untracked(), Some(Link::Away(_)))
    }

    /// Keeps what a screen was told under its own word, so that it is there at once, and while the station is away.
    pub(crate) fn keep_series(self, word: &'static str, series: &[Series]) {
        self.kept
            .try_update_value(|kept| kept.extend(series.iter().map(|series| ((word, series.point), series.clone()))));
    }

    /// What was kept of a point under `word`.
    pub(crate) fn kept_series(self, word: &'static str, point: PointId) -> Option<Series> {
        self.kept.try_with_value(|kept| kept.get(&(word, point)).cloned()).flatten()
    }

    /// Makes a call and shows what goes wrong with it in the bar under the head.
    pub(crate) async fn ask_for<C: Call>(self, call: C) -> Option<C::Reply> {
        match self.call(call).await {
            Ok(reply) => Some(reply),
            Err(error) => {
                if error.code != Code::SignedOut {
                    self.trouble.try_set(Some(error.message));
                }
                None
            }
        }
    }

    /// Whether the person may; tracked.
    pub(crate) fn may(self, permission: Permission) -> bool {
        self.session.with(|session| session.as_ref().is_some_and(|session| session.permissions.allow(permission)))
    }

    /// The language; tracked.
    pub(crate) fn locale(self) -> Locale {
        self.i18n.get_locale()
    }

    /// Changes with register and language: what rows of lists are made of beside their own; tracked.
    pub(crate) fn edition(self) -> u64 {
        let version = self.plant.with(|plant| plant.as_ref().map_or(0, |plant| plant.register.version + 1));
        version * 2 + u64::from(self.locale() == Locale::hi)
    }

    /// How far a point's value can be trusted now; tracked.
    pub(crate) fn trust(self, point: &Point) -> Trust {
        trust(&self.points.get(point.no), point, self.now.get())
    }

    /// Enters a session: from now on frames come.
    pub(crate) fn enter(self, session: Session) {
        page::keep(Store::Session, TOKEN_KEY, Some(&session.token));
        preferences::adopt(self, &session.preferences);
        let token = session.token.clone();
        self.link.set(Link::Opening);
        self.session.set(Some(session));
        let feed = self.backend.live(token, Rc::new(move |live| self.take(live)));
        self.feed.set_value(Some(feed));
    }

    /// Ends the session.
    pub(crate) fn sign_out(self) {
        let token = self.session.get_untracked().map(|session| session.token);
        self.leave();
        spawn_local(async move {
            // The session ends by itself where the station cannot be reached.
            drop(self.backend.call(token, SignOut {}).await);
            self.refresh_card().await;
        });
    }

    /// Acknowledges what was seen. One alarm that asks for no comment goes at once, anything else asks in a dialog.
    pub(crate) fn acknowledge(self, alarms: Vec<(RuleId, u64)>) {
        let is_quick = matches!(alarms.as_slice(), [(rule, _)]
            if self.alarms.peek(*rule).is_some_and(|view| !view.asks_for_comment));
        if is_quick {
            spawn_local(async move {
                if let Some(report) = self.ask_for(AcknowledgeAlarms { alarms, comment: None }).await {
                    self.report(&report);
                }
            });
        } else if !alarms.is_empty() {
            self.overlay.set(Some(Overlay::Acknowledge(alarms)));
        }
    }

    /// Tells what became of an act on alarms.
    pub(crate) fn report(self, report: &ActReport) {
        let locale = self.i18n.get_locale_untracked();
        if let Some((rule, refusal)) = report.refused.first() {
            let why = self.refusal_words(*rule, refusal);
            let (done, refused) = (report.done.len(), report.refused.len());
            self.trouble.try_set(Some(match (done, refused) {
                (0, 1) => why,
                _ => td_string!(locale, alarms.done_and_refused, n = done, refused = refused, why = why),
            }));
        }
        let said = td_string!(locale, alarms.done_n, n = report.done.len());
        self.announcement.try_update(|announcement| announcement.polite = said);
    }

    /// Why an act on an alarm was refused, with the alarm's name where it is known; not tracked.
    pub(crate) fn refusal_words(self, rule: RuleId, refusal: &ActRefusal) -> String {
        let (locale, now) = (self.i18n.get_locale_untracked(), self.now.get_untracked());
        let moment = |at: Timestamp| self.zone.with_untracked(|zone| zone.moment(at, now, locale));
        let why = words::refusal(refusal, moment, locale);
        let title = self.alarms.peek(rule).and_then(|view| {
            self.plant.with_untracked(|plant| Some(words::alarm_title(&view, plant.as_ref()?, locale)))
        });
        match title {
            Some(title) => format!("{title}: {why}"),
            None => why,
        }
    }

    async fn ask(self) {
        loop {
            match self.backend.call(None, Hello {}).await {
                Ok(card) => {
                    self.take_card(card);
                    break;
                }
                Err(error) => self.start.set(Start::Unreached(error.message)),
            }
            gloo_timers::future::TimeoutFuture::new(1_500).await;
        }
        if let Some(token) = page::kept(Store::Session, TOKEN_KEY) {
            match self.backend.call(Some(token), WhoAmI {}).await {
                Ok(session) => self.enter(session),
                Err(_) => page::keep(Store::Session, TOKEN_KEY, None),
            }
        }
        self.start.set(Start::Done);
    }

    /// Hands a file to the person and tells where it went.
    pub(crate) async fn save_file(self, name: &str, mime: &str, bytes: &[u8]) {
        match self.backend.save_file(name, mime, bytes).await {
            Ok(Some(path)) => {
                let locale = self.i18n.get_locale_untracked();
                self.remark.try_set(Some(td_string!(locale, frame.saved_as, path = path)));
            }
            Ok(None) => {}
            Err(error) => {
                self.trouble.try_set(Some(error.message));
            }
        }
    }

    /// Asks anew who the station is and how it fares.
    pub(crate) async fn refresh_card(self) {
        if let Ok(card) = self.backend.call(None, Hello {}).await {
            self.take_card(card);
        }
    }

    fn take_card(self, card: StationCard) {
        let at = page::now();
        let short = page::zone_short(&card.time_zone, at).unwrap_or_else(|| card.time_zone.clone());
        let zone = Zone { name: card.time_zone.clone(), short, offset_secs: card.utc_offset_secs };
        self.zone.set(zone);
        if self.session.with_untracked(Option::is_none) {
            self.counts.set(card.counts);
            self.status.set(Some(card.status.clone()));
            self.hear(Waiting::of_counts(&card.counts), None);
        }
        self.card.set(Some(card));
    }

    fn leave(self) {
        page::keep(Store::Session, TOKEN_KEY, None);
        self.feed.set_value(None);
        self.session.set(None);
        self.overlay.set(None);
        self.trouble.set(None);
        self.remark.set(None);
        self.plant.set(None);
        self.register_asked.set_value(0);
        self.kept.update_value(HashMap::clear);
        self.alarms.clear();
        self.desk.clear();
        self.floods.clear();
        self.points.clear();
        self.forget_news();
    }

    fn tick(self) {
        let skew = self.skew_micros.try_get_value().unwrap_or_default();
        let now = Timestamp::from_micros(page::now().as_micros().saturating_add(skew));
        self.now.try_set(now);
        // The sign-in screen has no feed: it asks.
        let is_signed_out = self.session.try_with_untracked(Option::is_none).unwrap_or(false);
        if is_signed_out && self.start.get_untracked() == Start::Done && now.as_micros() / 1_000_000 % 5 == 0 {
            spawn_local(self.refresh_card());
        }
        self.sound_if_due();
        self.tell_if_due();
    }

    fn take(self, live: Live) {
        match live {
            Live::Frame(frame) => self.take_frame(*frame),
            Live::Lost => {
                if !matches!(self.link.get_untracked(), Link::Away(_)) {
                    self.link.set(Link::Away(self.now.get_untracked()));
                }
                // Whether the way is lost or the session: the next call tells.
                spawn_local(async move { drop(self.call(WhoAmI {}).await) });
            }
        }
    }

    fn take_frame(self, frame: Frame) {
        let skew = frame.at.micros_since(page::now());
        if skew.abs_diff(self.skew_micros.get_value()) > 1_000_000 {
            self.skew_micros.set_value(skew);
        }
        if self.link.get_untracked() != Link::Up {
            if self.is_away() {
                // What could not be done while it was away is no news any more.
                self.trouble.set(None);
            }
            self.link.set(Link::Up);
        }
        self.points.take(&frame.values);
        let is_about_alarms = frame.full || !frame.alarms.is_empty() || !frame.gone.is_empty();
        self.floods.take(frame.floods);
        let is_about_positions = frame.positions.is_some();
        if let Some(positions) = frame.positions {
            self.take_positions(positions);
        }
        let change = self.alarms.take(frame.full, frame.alarms, &frame.gone, self.is_news());
        if is_about_alarms || is_about_positions {
            self.hear_own(change.worst);
        }
        if let Some(counts) = frame.counts {
            self.counts.set(counts);
        }
        if let Some(status) = frame.status {
            self.status.set(Some(status));
        }
        if !frame.values.is_empty() {
            self.frames.update(|count| *count += 1);
        }
        if change.worst.is_some() {
            self.announce(&change.new_critical, change.new_others);
        }
        if self.register_asked.get_value() != frame.register {
            self.register_asked.set_value(frame.register);
            spawn_local(self.fetch_register());
        }
    }

    /// Asks for plant and points anew.
    pub(crate) async fn fetch_register(self) {
        match self.call(GetRegister {}).await {
            Ok(register) => {
                self.plant.try_set(Some(Arc::new(PlantView::new(register))));
                // Now it is known whose alarm is whose.
                if self.session.try_with_untracked(Option::is_some) == Some(true) {
                    self.hear_own(None);
                }
            }
            Err(error) => {
                // The next frame asks again.
                self.register_asked.try_set_value(0);
                if error.code != Code::SignedOut && self.plant.with_untracked(Option::is_none) {
                    self.trouble.try_set(Some(error.message));
                }
            }
        }
    }
}

pub(crate) use preferences::{set_language, set_sound, set_theme};
