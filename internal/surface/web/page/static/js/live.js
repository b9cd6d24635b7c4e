// One stream a browser. A signal is a name: the regions that wait for it (hx-trigger="NAME from:#live") fetch themselves.
const live = document.getElementById('live')
const root = document.documentElement
const heard = new Set()
const channel = new BroadcastChannel('tocsin-live')
let source, since, timer

const named = () => [...document.querySelectorAll('[hx-trigger*="from:#live"]')]
  .flatMap(el => [...el.getAttribute('hx-trigger').matchAll(/([\w.-]+) from:#live/g)].map(m => m[1]))

function signal(name) {
  const names = name === 'resync' ? new Set(named()) : [name]
  for (const n of names) live.dispatchEvent(new CustomEvent(n))
}

function want(names) {
  for (const name of names) {
    if (heard.has(name)) continue
    heard.add(name)
    source?.addEventListener(name, () => { signal(name); channel.postMessage({ signal: name }) })
  }
}

function show(open) {
  if (open) {
    clearTimeout(timer)
    timer = since = undefined
    delete root.dataset.stale
    live.classList.add('live-on')
    live.querySelector('.live-word').textContent = live.dataset.on
  } else if (!timer) {
    since = new Date()
    timer = setTimeout(() => {
      root.dataset.stale = ''
      live.classList.remove('live-on')
      live.querySelector('.live-word').textContent = live.dataset.off.replace('%', since.toTimeString().slice(0, 5))
    }, 15000)
  }
}

function lead() {
  source = new EventSource(live.dataset.stream)
  const names = ['resync', ...heard, ...named()]
  heard.clear()
  want(names)
  source.onopen = () => { show(true); channel.postMessage({ open: true }) }
  source.onerror = () => { show(false); channel.postMessage({ open: false }) }
  return new Promise(() => {}) // leads until the page goes
}

channel.onmessage = ({ data }) => {
  if (data.signal) signal(data.signal)
  if (data.open !== undefined) show(data.open)
  if (data.want && source) {
    want(data.want)
    channel.postMessage({ open: source.readyState === EventSource.OPEN })
  }
}

if (live) {
  if (navigator.locks) navigator.locks.request('tocsin-live', lead)
  else lead()
  const tell = () => source ? want(named()) : channel.postMessage({ want: ['resync', ...named()] })
  tell()
  document.addEventListener('htmx:after:swap', tell)
}
