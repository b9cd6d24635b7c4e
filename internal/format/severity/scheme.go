package severity

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed questions.json
var data []byte

// Question is one question with its options, least bad first.
type Question struct {
	Code    string            `json:"code"`
	Text    map[string]string `json:"text"` // by language
	Options []Option          `json:"options"`
}

// Option is one answer and what it weighs.
type Option struct {
	Code   string            `json:"code"`
	Weight int               `json:"weight"`
	Text   map[string]string `json:"text"`
}

// floor is a combination of answers under which no proposal goes, whatever the sum.
type floor struct {
	Code  string            `json:"code"`
	Level Level             `json:"level"`
	When  map[string]string `json:"when"`
	Text  map[string]string `json:"text"`
}

// Scheme is the questionnaire; it does not change.
type Scheme struct {
	bands     map[Level]int
	questions []Question
	floors    []floor
	texts     map[string]map[string]string // by reason key
}

// New reads the questionnaire that is built into the program.
func New() (*Scheme, error) {
	var f struct {
		Bands     map[Level]int `json:"bands"`
		Questions []Question    `json:"questions"`
		Floors    []floor       `json:"floors"`
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("read severity questions: %w", err)
	}
	s := &Scheme{bands: f.Bands, questions: f.Questions, floors: f.Floors, texts: map[string]map[string]string{}}
	for _, q := range s.questions {
		for _, o := range q.Options {
			s.texts[optionKey(q.Code, o.Code)] = o.Text
		}
	}
	for _, fl := range s.floors {
		s.texts[floorKey(fl.Code)] = fl.Text
	}
	return s, nil
}

func optionKey(question, option string) string { return "severity." + question + "." + option }

func floorKey(code string) string { return "severity.floor." + code }

// Questions lists the questions in the order in which they are asked.
func (s *Scheme) Questions() []Question { return append([]Question(nil), s.questions...) }

// Text gives the words of a reason in a language, in English where the language is not ours. A reason that a person wrote is no key and
// comes back as it is.
func (s *Scheme) Text(reason, lang string) string {
	texts := s.texts[reason]
	if t := texts[lang]; t != "" {
		return t
	}
	if t := texts["en"]; t != "" {
		return t
	}
	return reason
}
