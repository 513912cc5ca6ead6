//! The screens' entry into the page.

fn main() {
    penstock_ui::start();
}
