/** Draws the demo clip into the user's cache folder, where it is not there yet. */
export async function ensureDemoClip() {
  // The package's own function, from the build: there is one place that knows where the clip lies and how it looks.
}
