package mail

// Kind names an oddity. Upstairs it is a key of the message catalogue.
type Kind string

// The oddities. Each says that another program might read the message in another way, or that something is missing.
const (
	RepeatedField     Kind = "repeated_field"     // Detail: the field
	RepeatedParameter Kind = "repeated_parameter" // Detail: the parameter
	MissingField      Kind = "missing_field"      // Detail: the field
	BrokenHeader      Kind = "broken_header"      // a line that is no field, or no empty line before the body
	SpaceInName       Kind = "space_in_name"      // a blank between the name of a field and its colon
	BrokenAddress     Kind = "broken_address"     // Detail: the field
	BrokenType        Kind = "broken_type"        // a Content-Type that is none
	BrokenWord        Kind = "broken_word"        // an encoded word that cannot be decoded
	EightBitHeader    Kind = "eight_bit_header"   // bytes above 127 in a header, outside UTF-8
	Invisible         Kind = "invisible"          // control or bidirectional characters in a header
	JunkInBase64      Kind = "junk_in_base64"
	JunkInQuoted      Kind = "junk_in_quoted"
	UnknownEncoding   Kind = "unknown_encoding"
	UnknownCharset    Kind = "unknown_charset"
	WrongCharset      Kind = "wrong_charset" // bytes that the named charset does not have
	NoBoundary        Kind = "no_boundary"   // a multipart without a usable boundary
	NoClose           Kind = "no_close"      // the closing boundary is missing
	AfterClose        Kind = "after_close"   // parts after the closing boundary
	TextAround        Kind = "text_around"   // text before the first or after the last boundary
	OddLineEnds       Kind = "odd_line_ends"
	NUL               Kind = "nul"
	TooDeep           Kind = "too_deep"
	TooMany           Kind = "too_many" // parts or fields
	TooLarge          Kind = "too_large"
	BrokenTNEF        Kind = "broken_tnef" // a winmail.dat that is cut off or holds more than is read
)

// Oddity is one thing found odd. Detail is a name of ours or of a standard, never text of the message.
type Oddity struct {
	Kind   Kind
	Part   int
	Detail string
}

const maxOddities = 200

func (b *builder) odd(p *Part, k Kind, detail string) {
	o := Oddity{Kind: k, Part: p.Index, Detail: detail}
	if len(b.m.Oddities) >= maxOddities || b.seen[o] {
		return
	}
	b.seen[o] = true
	b.m.Oddities = append(b.m.Oddities, o)
}

// ambiguous are the oddities with which two programs read two different messages.
var ambiguous = []Kind{
	RepeatedField, RepeatedParameter, BrokenHeader, SpaceInName, BrokenAddress, BrokenType, JunkInBase64, UnknownEncoding, UnknownCharset,
	NoBoundary, AfterClose, OddLineEnds, NUL, TooDeep, TooMany, TooLarge,
}

// Ambiguous tells whether another program may read another message in these bytes. It caps the trust at "claimed" (M3).
func (m *Message) Ambiguous() bool { return m.Odd(ambiguous...) }
