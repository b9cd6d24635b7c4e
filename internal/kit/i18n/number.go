package i18n

import (
	"strconv"
	"strings"
)

// Number writes a whole number with the language's thousands.
func (p *Printer) Number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "−", digits[1:]
	}
	if len(digits) <= 4 {
		return sign + digits
	}
	var b strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(p.form.thousands)
		}
		b.WriteRune(r)
	}
	return sign + b.String()
}

// Decimal writes a number with so many digits after the decimal mark.
func (p *Printer) Decimal(f float64, digits int) string {
	whole, frac, _ := strings.Cut(strconv.FormatFloat(f, 'f', digits, 64), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return whole
	}
	s := p.Number(n)
	if n == 0 && strings.HasPrefix(whole, "-") {
		s = "−0"
	}
	if frac == "" {
		return s
	}
	return s + p.form.decimal + frac
}

// Percent writes a whole percentage.
func (p *Printer) Percent(n int) string { return p.Number(int64(n)) + p.form.percent }

// Bytes writes a file size: "2 KB", "18 MB", "1.4 GB".
func (p *Printer) Bytes(n int64) string {
	const nb = "\u00a0"
	switch {
	case n < 1000:
		return p.Number(n) + nb + "B"
	case n < 1_000_000:
		return p.Number((n+500)/1000) + nb + "KB"
	case n < 1_000_000_000:
		return p.Number((n+500_000)/1_000_000) + nb + "MB"
	}
	return p.Decimal(float64(n)/1e9, 1) + nb + "GB"
}
