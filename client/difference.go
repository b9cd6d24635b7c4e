package client

import (
	"context"
	"net/url"
	"time"
)

// Pace is how long a step took, in seconds, and of how many that is known.
type Pace struct {
	Count  int   `json:"count"`
	Q1     int64 `json:"q1_s"`
	Median int64 `json:"median_s"`
	Q3     int64 `json:"q3_s"`
}

// Paces are the steps of what was asked, each from when it was asked.
type Paces struct {
	Key       string `json:"key"`
	Asked     int    `json:"asked"`
	Delivered Pace   `json:"delivered"`
	Seen      Pace   `json:"seen"`
	Answered  Pace   `json:"answered"`
	Done      Pace   `json:"done"`
	Measures  int    `json:"measures"`
	Remedied  int    `json:"remedied"`
}

// SharePoint is how many measures were given and done by the end of a day.
type SharePoint struct {
	Day   string `json:"day"`
	Given int    `json:"given"`
	Done  int    `json:"done"`
}

// Difference is what came of what was asked in a time; it names nobody.
type Difference struct {
	From      time.Time    `json:"from"`
	Till      time.Time    `json:"till"`
	All       Paces        `json:"all"`
	Sectors   []Paces      `json:"sectors"`
	Templates []Paces      `json:"templates"`
	Roads     []Paces      `json:"roads"`
	Share     []SharePoint `json:"share"`
	Cut       bool         `json:"cut"`
}

// Difference tells what came of what was asked from a moment until another, in all incidents.
func (c *Client) Difference(ctx context.Context, from, till time.Time) (Difference, error) {
	return get[Difference](ctx, c, "/difference?"+url.Values{"from": {from.Format(time.RFC3339)}, "till": {till.Format(time.RFC3339)}}.Encode())
}

// DifferenceOf tells it of one incident.
func (c *Client) DifferenceOf(ctx context.Context, incident string) (Difference, error) {
	return get[Difference](ctx, c, "/incidents/"+seg(incident)+"/difference")
}
