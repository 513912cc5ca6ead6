//! The command line of the demo water network.

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip_while(|word| word != "--out").skip(1);
    let out = words.next().unwrap_or_else(|| "plant.json".to_owned());
    if let Some(parent) = std::path::Path::new(&out).parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(out, serde_json::to_string_pretty(&penstock_sim::plant_file()?)? + "\n")?;
    Ok(())
}
