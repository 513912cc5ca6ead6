//! The texts that Penstock starts with beside an alarm: likely cause, consequence, first action, as plain sentences for
//! people to make their own. Must not know limits, values or names.

use penstock_model::{Guidance, LimitLevel, PointRole, Quantity, SiteKind};

/// Beside an alarm on a limit.
pub(crate) fn limit(quantity: Quantity, role: Option<PointRole>, level: LimitLevel) -> Guidance {
    let high = level.is_high();
    let [cause, consequence, action] = match (quantity, role, high) {
        (Quantity::Pressure, Some(PointRole::StationPressure), false) => [
            "A pump has tripped, the suction runs short of water, or the delivery main has burst.",
            "Zones fed from this station lose pressure within minutes.",
            "Check that the pumps run and their suction level; start the standby pump; look for a burst downstream.",
        ],
        (Quantity::Pressure, Some(PointRole::StationPressure), true) => [
            "A valve on the delivery side is closed or a pump runs above its set speed.",
            "Pumps and delivery main are overloaded; a joint may fail.",
            "Check delivery valves; reduce pump speed or stop one pump.",
        ],
        (Quantity::Pressure, _, false) => [
            "A main has burst, demand is exceptional, a valve is closed, or the supplying pump has stopped.",
            "Customers at high points lose water; polluted ground water can enter the mains.",
            "Compare the inflow of the area and neighbouring pressures; check the supplying pump and tower; send a crew.",
        ],
        (Quantity::Pressure, _, true) => [
            "A pressure-reducing valve has failed open, a pump runs against closed valves, or demand is very low.",
            "Mains and house connections may burst.",
            "Check the pressure-reducing valve and pumps that feed this zone; reduce the set pressure.",
        ],
        (Quantity::Level | Quantity::Volume, _, false) => [
            "More is drawn than flows in: a filling pump has stopped, the inlet is closed, or there is a burst downstream.",
            "The tank runs empty; supply fails, pumps run dry, and air enters the mains.",
            "Check inflow and filling pumps; open the inlet or start a pump; reduce the outflow if the level keeps falling.",
        ],
        (Quantity::Level | Quantity::Volume, _, true) => [
            "Filling did not stop: the inlet valve or the stop level of the pump has failed, or demand has dropped.",
            "The tank overflows: water is lost and ground may be washed out.",
            "Stop the filling pump or close the inlet; check the level on a second instrument or on site.",
        ],
        (Quantity::Flow, Some(PointRole::AreaInflow), true) => [
            "A main in the area has burst, a hydrant is open, or demand is exceptional.",
            "Water is lost, and pressure in the area falls.",
            "Check pressures in the area against the usual; look for reports from customers; send a crew to localise it.",
        ],
        (Quantity::Flow, _, true) => [
            "There is a burst downstream, a valve stands open, or one pump more than usual is running.",
            "Water is lost, tanks empty, and pressure falls.",
            "Compare with pressures and tank levels downstream; check which pumps and valves are in use.",
        ],
        (Quantity::Flow, _, false) => [
            "A pump has stopped, a valve is closed, the main is blocked, or the meter has failed.",
            "What lies downstream lives on its tanks and then runs dry.",
            "Check pump and valve states; compare with pressure and the next meter; start the standby pump.",
        ],
        (Quantity::Chlorine, _, false) => [
            "Dosing has stopped, the chemical has run out, the water has stood too long, or pollution uses the chlorine up.",
            "The water is no longer protected; it may be unsafe to drink.",
            "Check dosing pump and stock; take a hand sample; flush the main; tell the quality officer if it is confirmed.",
        ],
        (Quantity::Chlorine, _, true) => [
            "The dosing pump is set too high, or it goes on dosing at low flow.",
            "Taste and smell complaints; above the health limit the water must not be delivered.",
            "Reduce or stop dosing; take a hand sample; dilute or flush if it is confirmed.",
        ],
        (Quantity::Turbidity, _, true) => [
            "A filter has broken through, raw water has changed, or deposits were stirred up in the mains.",
            "Germs can pass, and disinfection works less well.",
            "Take the filter out or backwash it; check coagulation; take a hand sample before water is delivered on.",
        ],
        (Quantity::Turbidity, _, false) => [
            "The instrument has lost its sample flow, or its window or zero is off.",
            "Real turbidity would not be seen.",
            "Check sample flow and clean the instrument; compare with a hand sample.",
        ],
        (Quantity::Ph, _, _) => [
            "Chemical dosing is off, raw water has changed, or the electrode needs calibrating.",
            "Disinfection works less well, and pipes corrode or scale.",
            "Take a hand sample; check acid or lime dosing; calibrate the electrode if the sample disagrees.",
        ],
        (Quantity::Conductivity, _, _) => [
            "Water from another source has come in, a chemical is overdosed, or the cell is dirty.",
            "The water is not what it is taken for; customers may notice.",
            "Check which sources are in use; take a hand sample; clean the cell.",
        ],
        (Quantity::Power, _, true) => [
            "The pump works outside its curve, is blocked or worn, or a bearing fails.",
            "The motor overheats and trips.",
            "Compare flow and pressure with the pump's usual point; change over to the standby pump.",
        ],
        (Quantity::Power, _, false) => [
            "The pump runs dry, its coupling has failed, or it works against a closed valve.",
            "The pump delivers nothing and may be damaged.",
            "Check suction and delivery; stop the pump if it delivers nothing and start the standby.",
        ],
        (Quantity::Vibration, _, true) => [
            "A bearing is worn, the shaft is out of line, or the pump cavitates.",
            "Bearing and seal will fail if the pump goes on running.",
            "Change over to the standby pump; check suction pressure; order an inspection.",
        ],
        (Quantity::Temperature, _, true) => [
            "A bearing or motor lacks lubrication or cooling, or is overloaded.",
            "The bearing seizes or the winding is damaged.",
            "Change over to the standby; check lubrication and cooling; let it cool before it is started again.",
        ],
        (Quantity::Vibration | Quantity::Temperature, _, false) => [
            "The instrument has come loose, lost its supply, or the machine stands still.",
            "Real damage would not be seen.",
            "Check whether the machine runs; inspect the instrument and its cable.",
        ],
        (Quantity::Energy | Quantity::SpecificEnergy, _, _) => [
            "A pump is worn or works away from its best point, or a meter is off.",
            "More energy is used than the water pumped needs.",
            "Compare the pumps of the station; plan a check of the least efficient one.",
        ],
        (Quantity::Frequency, _, _) => [
            "The supply or the variable-speed drive is disturbed.",
            "Motors run off their speed and may trip.",
            "Check supply and drive for faults; change over to another drive.",
        ],
        (Quantity::Ratio, _, _) => [
            "A valve or drive stands away from where it is ordinarily held.",
            "Flow and pressure around it are not what they are meant to be.",
            "Compare position and command; check whether somebody works on site.",
        ],
        (Quantity::State, _, _) => [
            "The equipment has changed to a state that is watched.",
            "What depends on it may not work as intended.",
            "Check on site or by camera whether the state is wanted.",
        ],
        (Quantity::Plain, _, _) => [
            "The value has left the range set for it.",
            "What it stands for may not work as intended.",
            "Compare with related points; check the instrument; act on the procedure of this point.",
        ],
    };
    guidance(cause, consequence, action)
}

/// Beside an alarm on the anomaly score.
pub(crate) fn anomaly() -> Guidance {
    guidance(
        "The value does not behave as this point ordinarily does at this time of day: a fault of the instrument, or a \
         change in the network.",
        "Something may be starting that no limit has caught yet.",
        "Look at the trend with its expected band; compare with neighbouring points; note what you find.",
    )
}

/// Beside an alarm on a site's silence.
pub(crate) fn silence(kind: SiteKind) -> Guidance {
    let consequence = match kind {
        SiteKind::Works => "The works runs unseen; its quality and flow alarms cannot come.",
        SiteKind::Pumping => "Pumps run unseen; a trip or a burst would not be noticed.",
        SiteKind::Storage => "Levels are not known; the tank may empty or overflow unnoticed.",
        SiteKind::Network => "Pressures and flows of the area are not known; a burst would not be noticed.",
    };
    guidance(
        "The site's gateway has lost power or its link, or the broker between is away.",
        consequence,
        "Check power and link of the gateway; watch neighbouring sites; send somebody if it stays silent.",
    )
}

/// Beside an alarm on the silence of a piece of equipment whose site speaks.
pub(crate) fn device_silence() -> Guidance {
    guidance(
        "The device has lost power, its battery is empty, or its link to the site's gateway is down.",
        "What it measures is not known, and its alarms cannot come.",
        "Watch what measures nearby; check power, battery and link of the device on the next round.",
    )
}

fn guidance(cause: &str, consequence: &str, action: &str) -> Guidance {
    Guidance { cause: cause.to_owned(), consequence: consequence.to_owned(), action: action.to_owned() }
}
