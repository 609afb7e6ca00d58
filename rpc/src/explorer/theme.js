// Before anything is drawn: the colour scheme that was chosen here, if one was.
try {
  const chosen = localStorage.getItem("witan-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that keeps nothing follows the system.
}
