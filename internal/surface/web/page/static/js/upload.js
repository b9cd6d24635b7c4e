// Files go to the server in parts as soon as they are chosen, and go on where they stopped: after a broken line, or when the same file is chosen again.
// Without this script the form sends them as it always did.
const most = 2 << 20
const wait = ms => new Promise(done => { setTimeout(done, ms); addEventListener('online', done, { once: true }) })
const hex = raw => [...new Uint8Array(raw)].map(b => b.toString(16).padStart(2, '0')).join('')
let running = 0

async function ask(url, options) {
  const answer = await fetch(url, options)
  const body = answer.headers.get('Content-Type') === 'application/json' ? await answer.json() : {}
  if (answer.ok || answer.status === 409 && body.id) return body
  throw Object.assign(new Error(body.said ?? ''), { again: answer.status === 429 || answer.status >= 500 && answer.status !== 501 })
}

// stubborn tries again until it is answered, or refused for good.
async function stubborn(row, url, options) {
  for (let pause = 1000; ; pause = Math.min(pause * 2, 30000)) {
    try {
      return await ask(url, options)
    } catch (e) {
      if (e.again === false) throw e
      row.say(e.message || row.words.broken)
      await wait(pause)
    }
  }
}

function rowFor(list, file, words) {
  const li = document.createElement('li'), name = document.createElement('span'), bar = document.createElement('progress'), state = document.createElement('span')
  li.className = 'file upload'
  name.textContent = file.name
  bar.max = file.size
  bar.value = 0
  bar.setAttribute('aria-label', file.name)
  state.className = 'file-state'
  li.append(name, bar, state)
  list.append(li)
  const say = s => { if (state.textContent !== s) state.textContent = s }
  return { li, words, say, bar, go(got) { bar.value = got; say(words.sending.replace('%', Math.floor(got * 100 / file.size))) } }
}

async function send(input, file, list, begun) {
  const base = input.dataset.uploads
  const row = rowFor(list, file, input.dataset)
  const like = begun.find(u => u.name === file.name && u.size === file.size && u.got < u.size && !u.used)
  try {
    let at = like ?? await stubborn(row, base, { method: 'POST', body: new URLSearchParams({ name: file.name, type: file.type, size: file.size }) })
    if (like) like.used = true
    while (at.got < file.size) {
      row.go(at.got)
      const part = await file.slice(at.got, at.got + most).arrayBuffer()
      const sum = hex(await crypto.subtle.digest('SHA-256', part))
      at = await stubborn(row, `${base}/${at.id}`, { method: 'POST', body: part, headers: { 'Content-Type': 'application/octet-stream', 'Upload-Offset': at.got, 'Part-SHA256': sum } })
    }
    row.bar.remove()
    row.li.dataset.whole = at.sha256
    row.say(`${input.dataset.done} SHA-256 ${at.sha256.slice(0, 16)}…`)
    return true
  } catch (e) {
    row.bar.remove()
    row.say(e.message || input.dataset.refused)
    return false
  }
}

async function chosen(input) {
  const files = [...input.files].filter(f => f.size > 0)
  if (!files.length) return
  input.value = ''
  let list = input.parentElement.querySelector('ul.uploads')
  if (!list) {
    list = document.createElement('ul')
    list.className = 'files uploads'
    list.setAttribute('aria-live', 'polite')
    input.after(list)
  }
  running++
  try {
    const begun = await ask(input.dataset.uploads).catch(() => [])
    for (const file of files) await send(input, file, list, begun)
  } finally {
    running--
    dispatchEvent(new Event('uploads'))
  }
}

if (globalThis.crypto?.subtle) {
  document.addEventListener('change', e => { if (e.target.matches?.('input[data-uploads]')) chosen(e.target) })
  document.addEventListener('submit', e => { // what is pressed while files go waits for them
    if (!running) return
    e.preventDefault()
    const { target, submitter } = e
    if (target.dataset.waits) return
    target.dataset.waits = '1'
    addEventListener('uploads', function on() {
      if (running) return
      removeEventListener('uploads', on)
      delete target.dataset.waits
      target.requestSubmit(submitter)
    })
  })
}
