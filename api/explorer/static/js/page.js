// What every page gains from JavaScript: the copy and print buttons. Without it, nothing is lost but these.

for (const button of document.querySelectorAll(".copy")) {
  if (!navigator.clipboard) break; // absent over plain http: the text can still be selected
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    button.textContent = button.dataset.done;
    setTimeout(() => (button.textContent = label), 2000);
  });
}

for (const button of document.querySelectorAll(".print")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
