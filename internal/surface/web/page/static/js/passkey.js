// A passkey is made or used when its button is pressed. Where the browser has none, the forms stay hidden.
const bytes = s => Uint8Array.from(atob(s.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0))
const letters = b => btoa(String.fromCharCode(...new Uint8Array(b))).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')

// read turns the options of the page into what the browser takes.
function read(text) {
  const o = JSON.parse(text)
  o.challenge = bytes(o.challenge)
  if (o.user) o.user.id = bytes(o.user.id)
  for (const list of ['excludeCredentials', 'allowCredentials']) for (const c of o[list] ?? []) c.id = bytes(c.id)
  return o
}

// written turns what the browser gives into text for the form.
function written(c) {
  const r = c.response, out = { id: c.id, rawId: letters(c.rawId), type: c.type, clientExtensionResults: {}, response: { clientDataJSON: letters(r.clientDataJSON) } }
  if (c.authenticatorAttachment) out.authenticatorAttachment = c.authenticatorAttachment
  if (r.attestationObject) {
    out.response.attestationObject = letters(r.attestationObject)
    out.response.transports = r.getTransports?.() ?? []
  } else {
    out.response.authenticatorData = letters(r.authenticatorData)
    out.response.signature = letters(r.signature)
    if (r.userHandle) out.response.userHandle = letters(r.userHandle)
  }
  return JSON.stringify(out)
}

for (const form of window.PublicKeyCredential ? document.querySelectorAll('form[data-passkey]') : []) {
  const field = form.querySelector('[data-answer]'), said = form.querySelector('[data-failed]'), button = form.querySelector('button')
  form.hidden = false
  form.addEventListener('submit', async e => {
    e.preventDefault()
    said.hidden = true
    button.disabled = true
    try {
      const publicKey = read(form.dataset.options)
      field.value = written(await (form.dataset.passkey === 'create' ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey })))
      form.submit()
    } catch {
      said.hidden = false
      button.disabled = false
    }
  })
}
