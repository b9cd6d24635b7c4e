package correspondence

// Postman signs, encrypts and hands over what leaves: the key process behind it, the relay or folder before it.
type Postman struct{}
