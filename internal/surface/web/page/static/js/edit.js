// A property is edited where it stands: opening it reaches the menu, choosing by pointer sends it, Esc puts it away. Who works with the
// keyboard walks through the options first, and presses the button that shows then.
const root = document.documentElement.dataset
addEventListener('pointerdown', () => { root.by = 'pointer' }, true)
addEventListener('keydown', e => { if (!['Shift', 'Control', 'Alt', 'Meta'].includes(e.key)) root.by = 'keys' }, true)
document.addEventListener('change', e => {
  if (root.by === 'pointer' && e.target.matches?.('.property-edit select')) e.target.form.requestSubmit()
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
// A long list of choices is narrowed as one types; what is chosen stays in sight.
for (const field of document.querySelectorAll('[data-find]')) {
  const list = document.getElementById(field.dataset.find)
  field.parentElement.hidden = false
  field.addEventListener('input', () => {
    const words = field.value.trim().toLocaleLowerCase()
    for (const line of list.children) line.hidden = !line.textContent.toLocaleLowerCase().includes(words) && !line.querySelector('input').checked
  })
  field.addEventListener('keydown', e => { if (e.key === 'Enter') e.preventDefault() })
}
