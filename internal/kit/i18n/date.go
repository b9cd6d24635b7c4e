package i18n

import (
	"fmt"
	"strings"
	"time"
)

// locale holds names and patterns of one language. In patterns D is the day, M the month, m its short name, Y the year, W the weekday.
type locale struct {
	months, short, weekdays []string
	date, brief, day        string
	dayUnit, hourUnit       string
	decimal, thousands      string
	percent                 string
}

var locales = map[Lang]*locale{
	"en": {
		months:   strings.Fields("January February March April May June July August September October November December"),
		short:    strings.Fields("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
		weekdays: strings.Fields("Sunday Monday Tuesday Wednesday Thursday Friday Saturday"),
		date:     "D M Y", brief: "D m", day: "W D M", dayUnit: "d", hourUnit: "h", decimal: ".", thousands: ",", percent: " %",
	},
	"pt": {
		months:   strings.Fields("janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"),
		short:    strings.Fields("jan. fev. mar. abr. maio jun. jul. ago. set. out. nov. dez."),
		weekdays: strings.Fields("domingo segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado"),
		date:     "D de M de Y", brief: "D m", day: "W, D de M", dayUnit: "d", hourUnit: "h", decimal: ",", thousands: "\u202f", percent: "\u00a0%",
	},
	"fr": {
		months:   strings.Fields("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
		short:    strings.Fields("janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc."),
		weekdays: strings.Fields("dimanche lundi mardi mercredi jeudi vendredi samedi"),
		date:     "D M Y", brief: "D m", day: "W D M", dayUnit: "j", hourUnit: "h", decimal: ",", thousands: "\u202f", percent: "\u202f%",
	},
	"nl": {
		months:   strings.Fields("januari februari maart april mei juni juli augustus september oktober november december"),
		short:    strings.Fields("jan feb mrt apr mei jun jul aug sep okt nov dec"),
		weekdays: strings.Fields("zondag maandag dinsdag woensdag donderdag vrijdag zaterdag"),
		date:     "D M Y", brief: "D m", day: "W D M", dayUnit: "d", hourUnit: "u", decimal: ",", thousands: ".", percent: "%",
	},
	"de": {
		months:   strings.Fields("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
		short:    strings.Fields("Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez."),
		weekdays: strings.Fields("Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag"),
		date:     "D. M Y", brief: "D. m", day: "W, D. M", dayUnit: "T", hourUnit: "h", decimal: ",", thousands: ".", percent: "\u00a0%",
	},
}

func (p *Printer) pattern(pattern string, t time.Time) string {
	var b strings.Builder
	for _, r := range pattern {
		switch r {
		case 'D':
			fmt.Fprintf(&b, "%d", t.Day())
			if p.lang == "fr" && t.Day() == 1 {
				b.WriteString("er")
			}
		case 'M':
			b.WriteString(p.form.months[t.Month()-1])
		case 'm':
			b.WriteString(p.form.short[t.Month()-1])
		case 'Y':
			fmt.Fprintf(&b, "%d", t.Year())
		case 'W':
			b.WriteString(p.form.weekdays[t.Weekday()])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Date writes "21 November 2026".
func (p *Printer) Date(t time.Time) string { return p.pattern(p.form.date, t.In(p.zone)) }

// BriefDate writes "21 Nov 2026".
func (p *Printer) BriefDate(t time.Time) string { return p.pattern(p.form.brief+" Y", t.In(p.zone)) }

// Day writes "Saturday 21 November".
func (p *Printer) Day(t time.Time) string { return p.pattern(p.form.day, t.In(p.zone)) }

// Clock writes "07:40".
func (p *Printer) Clock(t time.Time) string { return t.In(p.zone).Format("15:04") }

// Brief writes "21 Nov 07:40", and the year when it is not that of now.
func (p *Printer) Brief(t, now time.Time) string {
	t = t.In(p.zone)
	pattern := p.form.brief
	if t.Year() != now.In(p.zone).Year() {
		pattern += " Y"
	}
	return p.pattern(pattern, t) + " " + t.Format("15:04")
}

// DateTime writes the full stamp, "21 November 2026, 07:40 (Lisbon)".
func (p *Printer) DateTime(t time.Time) string {
	t = t.In(p.zone)
	return p.pattern(p.form.date, t) + ", " + t.Format("15:04") + " (" + p.ZoneName() + ")"
}

// Duration writes "38 min", "2 h 05 min" or "1 d 21 h"; the sign is dropped, and what is under a minute is "0 min".
func (p *Printer) Duration(d time.Duration) string {
	m := int64(d.Abs() / time.Minute)
	const nb = "\u00a0"
	switch {
	case m < 60:
		return fmt.Sprintf("%d"+nb+"min", m)
	case m < 24*60:
		return fmt.Sprintf("%d"+nb+"%s"+nb+"%02d"+nb+"min", m/60, p.form.hourUnit, m%60)
	}
	return fmt.Sprintf("%d"+nb+"%s"+nb+"%d"+nb+"%s", m/60/24, p.form.dayUnit, m/60%24, p.form.hourUnit)
}

// Units gives the units of Duration, for clocks that tick in the page: day, hour.
func (p *Printer) Units() (day, hour string) { return p.form.dayUnit, p.form.hourUnit }
