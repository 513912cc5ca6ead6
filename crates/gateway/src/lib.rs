//! HTTP shell: screens in a browser, calls, live feed.
