// Runs before the first paint, so that a chosen theme never flashes the other one. A file of its own,
// since the content security policy allows no inline script.
try {
  const theme = localStorage.getItem('perfloop.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // No storage (private window): the system's theme holds.
}
