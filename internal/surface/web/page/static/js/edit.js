// A property is edited where it stands: opening it reaches the menu, choosing by pointer sends it, Esc puts it away. Who chooses with the
// keyboard walks through the options first, and presses the button that shows then.
document.documentElement.dataset.scripts = 'yes'
const menu = from => from.target.closest?.('.property-edit select')
document.addEventListener('change', e => {
  const m = menu(e)
  if (m && !m.matches(':focus-visible')) m.form.requestSubmit()
})
document.addEventListener('toggle', e => {
  if (e.target.matches?.('details.edit[open]')) e.target.querySelector('select, input:not([type=hidden]), textarea')?.focus()
}, true)
document.addEventListener('keydown', e => {
  const open = e.key === 'Escape' && e.target.closest?.('details.edit[open]')
  if (!open) return
  e.stopPropagation()
  open.querySelector('form')?.reset()
  open.open = false
  open.querySelector('summary').focus()
}, true)
