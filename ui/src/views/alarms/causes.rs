//! What may have begun a group of alarms, in words: what it is and where, and the reasons that a person can check on the
//! list and on the map. Must not know how they are drawn.

use penstock_api::MemberRole;
use penstock_model::{CauseKind, CauseOrigin, CauseReason, GroupCause, Symptom};

use crate::format;
use crate::i18n::{Locale, td_string};
use crate::state::PlantView;

/// What a cause is and where: `Burst near M-14 Ghat Road, DMA 3 Riverside`.
pub(super) fn title(cause: &GroupCause, plant: &PlantView, locale: Locale) -> String {
    let what = kind(cause.kind, locale);
    let place = place(cause.origin, plant, locale);
    let main = cause.main.and_then(|main| plant.register.plant.pipes.iter().find(|pipe| pipe.id == main));
    match main {
        Some(main) => td_string!(locale, floods.near_main, what = what, main = main.name.clone(), place = place),
        None => td_string!(locale, floods.at, what = what, place = place),
    }
}

/// Why it is thought, each in a sentence.
pub(super) fn reasons(cause: &GroupCause, plant: &PlantView, locale: Locale) -> Vec<String> {
    cause.reasons.iter().map(|reason| reason_text(reason, cause.origin, plant, locale)).collect()
}

fn reason_text(reason: &CauseReason, origin: CauseOrigin, plant: &PlantView, locale: Locale) -> String {
    match reason {
        CauseReason::After(after) if after.is_zero() => td_string!(locale, floods.first_in_time).to_owned(),
        CauseReason::After(after) => td_string!(locale, floods.after_first, after = format::age(*after, locale)),
        CauseReason::Explains { alarms, of } => td_string!(locale, floods.explains, n = *alarms, of = *of),
        CauseReason::Upstream { alarms, of } => {
            let place = place(origin, plant, locale);
            td_string!(locale, floods.downstream_of, n = *alarms, of = *of, place = place)
        }
        CauseReason::Shows(symptoms) => {
            let signs: Vec<&str> = symptoms.iter().map(|symptom| sign(*symptom, locale)).collect();
            td_string!(locale, floods.shows, signs = signs.join(", "))
        }
    }
}

/// How an alarm stands to the first cause of its group.
pub(super) fn role(role: MemberRole, locale: Locale) -> String {
    let far = |metres: u32| format::count(u64::from(metres), locale);
    match role {
        MemberRole::Cause => td_string!(locale, floods.names_cause).to_owned(),
        MemberRole::There => td_string!(locale, floods.there).to_owned(),
        MemberRole::Downstream { metres } => td_string!(locale, floods.m_downstream, metres = far(metres)),
        MemberRole::Upstream { metres } => td_string!(locale, floods.m_upstream, metres = far(metres)),
        MemberRole::SharedSupply => td_string!(locale, floods.shared_supply).to_owned(),
        MemberRole::Apart => td_string!(locale, floods.apart).to_owned(),
    }
}

fn kind(kind: CauseKind, locale: Locale) -> &'static str {
    match kind {
        CauseKind::PowerLoss => td_string!(locale, floods.power_loss),
        CauseKind::StationTrip => td_string!(locale, floods.station_trip),
        CauseKind::PumpTrip => td_string!(locale, floods.pump_trip),
        CauseKind::CommunicationsLoss => td_string!(locale, floods.communications_loss),
        CauseKind::Burst => td_string!(locale, floods.burst),
        CauseKind::ChlorineLoss => td_string!(locale, floods.chlorine_loss),
        CauseKind::Overfilling => td_string!(locale, floods.overfilling),
        CauseKind::RunningEmpty => td_string!(locale, floods.running_empty),
        CauseKind::FirstAlarm => td_string!(locale, floods.first_alarm),
    }
}

fn place(origin: CauseOrigin, plant: &PlantView, locale: Locale) -> String {
    let name = match origin {
        CauseOrigin::Area(area) => plant.area(area).map(|area| area.name.clone()),
        CauseOrigin::Site(site) => plant.site(site).map(|site| site.name.clone()),
        CauseOrigin::Asset(asset) => plant.asset(asset).map(|asset| {
            let site = asset.site.and_then(|site| plant.site(site));
            site.map_or_else(|| asset.name.clone(), |site| format!("{}, {}", asset.name, site.name))
        }),
        CauseOrigin::Several => Some(td_string!(locale, floods.several).to_owned()),
    };
    name.unwrap_or_else(|| td_string!(locale, floods.unknown_place).to_owned())
}

fn sign(symptom: Symptom, locale: Locale) -> &'static str {
    match symptom {
        Symptom::Silent => td_string!(locale, floods.silent),
        Symptom::Stopped => td_string!(locale, floods.stopped),
        Symptom::Overflowing => td_string!(locale, floods.overflowing),
        Symptom::FlowHigh => td_string!(locale, floods.flow_high),
        Symptom::FlowLow => td_string!(locale, floods.flow_low),
        Symptom::PressureHigh => td_string!(locale, floods.pressure_high),
        Symptom::PressureLow => td_string!(locale, floods.pressure_low),
        Symptom::LevelHigh => td_string!(locale, floods.level_high),
        Symptom::LevelLow => td_string!(locale, floods.level_low),
        Symptom::ChlorineLow => td_string!(locale, floods.chlorine_low),
        Symptom::ChlorineHigh => td_string!(locale, floods.chlorine_high),
        Symptom::Turbid => td_string!(locale, floods.turbid),
        Symptom::PowerLow => td_string!(locale, floods.power_low),
        Symptom::Strained => td_string!(locale, floods.strained),
        Symptom::Unlike => td_string!(locale, floods.unlike),
        Symptom::Odd => td_string!(locale, floods.odd),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_api::Register;
    use penstock_model::{Area, AreaId, Pipe, PipeId, Plant, RuleId, TenantId, Timestamp};

    use super::*;

    const AT: Timestamp = Timestamp::from_secs(1);

    fn plant() -> PlantView {
        let area = AreaId::made(AT, [1; 10]);
        PlantView::new(Register {
            version: 1,
            plant: Plant {
                tenant: TenantId::made(AT, [1; 10]),
                name: "Nandipur".into(),
                time_zone: "UTC".into(),
                areas: vec![Area { id: area, name: "DMA 3".into(), boundary: Vec::new() }],
                sites: Vec::new(),
                assets: Vec::new(),
                pipes: vec![Pipe {
                    id: PipeId::made(AT, [2; 10]),
                    name: "M-12".into(),
                    area: Some(area),
                    diameter_mm: 200.0,
                    course: Vec::new(),
                }],
            },
            points: Vec::new(),
            tiles: false,
        })
    }

    fn burst(reasons: Vec<CauseReason>) -> GroupCause {
        GroupCause {
            kind: CauseKind::Burst,
            origin: CauseOrigin::Area(AreaId::made(AT, [1; 10])),
            main: Some(PipeId::made(AT, [2; 10])),
            alarm: RuleId::made(AT, [3; 10]),
            score: 0.9,
            reasons,
        }
    }

    #[test]
    fn a_cause_says_what_and_where() {
        let plant = plant();
        let check = |cause: &GroupCause, expect: &str| assert_eq!(title(cause, &plant, Locale::en), expect);
        check(&burst(vec![]), "Burst near M-12, DMA 3");
        check(&GroupCause { main: None, ..burst(vec![]) }, "Burst, DMA 3");
        let several = GroupCause {
            kind: CauseKind::CommunicationsLoss,
            origin: CauseOrigin::Several,
            main: None,
            ..burst(vec![])
        };
        check(&several, "Communications lost, several sites");
    }

    #[test]
    fn reasons_are_sentences_that_can_be_checked() {
        let cause = burst(vec![
            CauseReason::Explains { alarms: 11, of: 12 },
            CauseReason::After(Duration::ZERO),
            CauseReason::After(Duration::from_secs(90)),
            CauseReason::Upstream { alarms: 12, of: 12 },
            CauseReason::Shows(vec![Symptom::FlowHigh, Symptom::PressureLow]),
        ]);
        let said = reasons(&cause, &plant(), Locale::en);
        assert_eq!(said[0], "11 of 12 alarms are what it leads to");
        assert_eq!(said[1], "First in time");
        assert_eq!(said[3], "12 of 12 alarms lie at DMA 3 or downstream of it");
        assert_eq!(said[4], "Seen there: much flow, low pressure");
        assert!(role(MemberRole::Downstream { metres: 1_250 }, Locale::en).ends_with("m downstream of the cause"));
    }
}
