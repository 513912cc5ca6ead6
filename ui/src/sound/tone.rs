//! Tones by the page's own audio: nothing is fetched. Must not know what they mean. Natively, where there is no page,
//! nothing is heard.

use std::cell::RefCell;

use wasm_bindgen::JsValue;
use web_sys::{AudioContext, AudioContextState, OscillatorType};

use super::Note;

/// Tones swell and fade for so long, in s: without it each would click.
const EDGE_S: f64 = 0.015;
/// Between the call and the first tone, in s: what is planned for the past is cut short.
const LEAD_S: f64 = 0.02;

/// The page's audio, made when it is first wanted; none where the page has none.
fn audio() -> Option<AudioContext> {
    if !cfg!(target_arch = "wasm32") {
        return None;
    }
    thread_local! {
        static AUDIO: RefCell<Option<AudioContext>> = const { RefCell::new(None) };
    }
    AUDIO.with_borrow_mut(|audio| {
        if audio.is_none() {
            *audio = AudioContext::new().ok();
        }
        audio.clone()
    })
}

/// Lets sound begin, from within the handling of a key or click: until then browsers keep a page silent.
pub(crate) fn wake() {
    if let Some(audio) = audio().filter(|audio| audio.state() == AudioContextState::Suspended) {
        drop(audio.resume());
    }
}

/// Makes `notes` heard at `volume` per cent; whether they are.
pub(crate) fn play(notes: &[Note], volume: u8) -> bool {
    let Some(audio) = audio().filter(|audio| audio.state() == AudioContextState::Running) else { return false };
    let begin = audio.current_time() + LEAD_S;
    // Loudness is heard by ratios.
    let loud = (f32::from(volume.min(100)) / 100.0).powi(2);
    notes.iter().all(|note| sound(&audio, note, begin, loud).is_ok())
}

fn sound(audio: &AudioContext, note: &Note, begin: f64, loud: f32) -> Result<(), JsValue> {
    let (oscillator, gain) = (audio.create_oscillator()?, audio.create_gain()?);
    let (from, to) = (begin + note.after_s, begin + note.after_s + note.lasts_s);
    let (level, peak) = (gain.gain(), loud * note.share);
    oscillator.set_type(OscillatorType::Triangle);
    oscillator.frequency().set_value(note.hz);
    level.set_value_at_time(0.0, from)?;
    level.linear_ramp_to_value_at_time(peak, from + EDGE_S)?;
    level.set_value_at_time(peak, to - EDGE_S)?;
    level.linear_ramp_to_value_at_time(0.0, to)?;
    oscillator.connect_with_audio_node(&gain)?;
    gain.connect_with_audio_node(&audio.destination())?;
    oscillator.start_with_when(from)?;
    oscillator.stop_with_when(to)
}
