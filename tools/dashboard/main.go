// Command dashboard prints the Grafana dashboard of Carrel, which
// kustomize/components/monitoring installs. `make generate` runs it.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func main() {
	built, err := build()
	if err == nil {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(built)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
}

// source is the data source that a reader of the dashboard chooses.
var source = common.DataSourceRef{Uid: cog.ToPtr("${source}")}

// build makes a dashboard of the classic model, which Grafana before version 13 reads too.
//
//nolint:staticcheck // The newer model is for later versions of Grafana only.
func build() (dashboard.Dashboard, error) {
	d := dashboard.NewDashboardBuilder("Carrel").
		Uid("carrel").Tags([]string{"carrel"}).Timezone("browser").Time("now-3h", "now").Refresh("30s").
		WithVariable(dashboard.NewDatasourceVariableBuilder("source").Label("Source").Type("prometheus")).
		WithVariable(dashboard.NewQueryVariableBuilder("course").Label("Course").Datasource(source).
			Query(dashboard.StringOrMap{String: cog.ToPtr("label_values(carrel_userlands, course)")}).
			Refresh(dashboard.VariableRefreshOnTimeRangeChanged).IncludeAll(true).Multi(true))
	d.WithRow(dashboard.NewRowBuilder("Is class all right?"))
	for _, p := range class {
		d.WithPanel(p.build())
	}
	d.WithRow(dashboard.NewRowBuilder("Is Carrel all right?"))
	for _, p := range processes {
		d.WithPanel(p.build())
	}
	return d.Build()
}

// panel is one picture. A panel whose queries have no legend shows one number.
type panel struct {
	title, about, unit string
	queries            []query
	// number shows the last value only, in red from bad on.
	number bool
	bad    float64
}

type query struct{ expression, legend string }

func (p panel) build() cog.Builder[dashboard.Panel] {
	if p.number {
		b := stat.NewPanelBuilder().Title(p.title).Description(p.about).Datasource(source).Unit(p.unit).Span(6).Height(5).
			NoValue("0").
			ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
			Thresholds(dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps([]dashboard.Threshold{
				{Color: "green"}, {Value: cog.ToPtr(p.bad), Color: "red"},
			}))
		for _, q := range p.queries {
			b.WithTarget(prometheus.NewDataqueryBuilder().Expr(q.expression).LegendFormat(q.legend))
		}
		return b
	}
	b := timeseries.NewPanelBuilder().Title(p.title).Description(p.about).Datasource(source).Unit(p.unit).Span(12).Height(8).Min(0)
	for _, q := range p.queries {
		b.WithTarget(prometheus.NewDataqueryBuilder().Expr(q.expression).LegendFormat(q.legend))
	}
	return b
}
