// A toast goes after its time, but not while somebody is at it.
function start(toast) {
  if (toast.dataset.started) return
  toast.dataset.started = 'yes'
  let timer
  const go = () => { timer = setTimeout(() => toast.remove(), Number(toast.dataset.seconds) * 1000) }
  const hold = () => clearTimeout(timer)
  for (const e of ['pointerenter', 'focusin']) toast.addEventListener(e, hold)
  for (const e of ['pointerleave', 'focusout']) toast.addEventListener(e, go)
  go()
}
const all = () => document.querySelectorAll('.toast').forEach(start)
all()
document.addEventListener('htmx:after:swap', all)
// A pressed button is disabled until the answer comes, so that nothing is sent twice.
document.addEventListener('submit', e => {
  const button = e.submitter
  if (e.defaultPrevented || !button || e.target.method === 'get') return
  setTimeout(() => { button.disabled = true; button.dataset.pressed = 'yes' })
})
addEventListener('pageshow', () => document.querySelectorAll('[data-pressed]').forEach(b => { b.disabled = false }))
