package i18n

import "golang.org/x/text/language"

// Match picks the catalogue's language that suits an Accept-Language header best, or the first one.
func (c *Catalogue) Match(acceptLanguage string) Lang {
	const most = 500 // a header longer than a browser sends is not worth reading
	if len(acceptLanguage) > most {
		return c.langs[0]
	}
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(wanted) == 0 {
		return c.langs[0]
	}
	tags := make([]language.Tag, len(c.langs))
	for i, l := range c.langs {
		tags[i] = l.tag()
	}
	_, i, confidence := language.NewMatcher(tags).Match(wanted...)
	if confidence == language.No {
		return c.langs[0]
	}
	return c.langs[i]
}

// Has tells whether the catalogue has the language, for a choice that comes from outside.
func (c *Catalogue) Has(lang Lang) bool {
	_, ok := c.printers[lang]
	return ok
}
