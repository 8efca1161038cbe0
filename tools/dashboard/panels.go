package main

// class answers "is class all right?".
var class = []panel{
	{
		title: "Carrels that fail", about: "The class board names them. docs/conditions.md has the cure of each reason.", unit: "short",
		number: true, bad: 1,
		queries: []query{{`sum(carrel_userlands_failing{course=~"$course"}) or vector(0)`, ""}},
	},
	{
		title: "Longest wait in the queue", about: "From joining the queue of a course. An alert fires from 5 minutes on.", unit: "s",
		number: true, bad: 300,
		queries: []query{{`max(carrel_queue_oldest_seconds{course=~"$course"}) or vector(0)`, ""}},
	},
	{
		title: "Courses that ask for a person", about: "A roster error, a held removal, a refused object: carrel status says which.", unit: "short",
		number: true, bad: 1,
		queries: []query{{`count(count by (course) (carrel_course_condition{course=~"$course",condition!="WorkExpiring"} > 0)) or vector(0)`, ""}},
	},
	{
		title: "Volumes that expire within a week", about: "Work of people who left: docs/volumes.md.", unit: "short",
		number: true, bad: 1,
		queries: []query{{`sum(carrel_volumes{course=~"$course",state="expiring"}) or vector(0)`, ""}},
	},
	{
		title: "Carrels by state", unit: "short",
		queries: []query{{`sum by (state) (carrel_userlands{course=~"$course"})`, "{{state}}"}},
	},
	{
		title: "Carrels that fail, by reason", unit: "short",
		queries: []query{{`sum by (course, reason) (carrel_userlands_failing{course=~"$course"}) or vector(0)`, "{{course}}: {{reason}}"}},
	},
	{
		title: "From a visit to an open carrel", about: "Carrel's share ends when the Deployment is scaled up. The rest is Kubernetes': scheduling, images, volumes, the program itself.", unit: "s",
		queries: []query{
			{`histogram_quantile(0.5, sum by (le) (rate(carrel_start_wait_seconds_bucket{course=~"$course"}[10m])))`, "Carrel, half of them"},
			{`histogram_quantile(0.99, sum by (le) (rate(carrel_start_wait_seconds_bucket{course=~"$course"}[10m])))`, "Carrel, 99 of 100"},
			{`histogram_quantile(0.5, sum by (le) (rate(carrel_start_duration_seconds_bucket{course=~"$course"}[10m])))`, "Kubernetes, half of them"},
			{`histogram_quantile(0.99, sum by (le) (rate(carrel_start_duration_seconds_bucket{course=~"$course"}[10m])))`, "Kubernetes, 99 of 100"},
		},
	},
	{
		title: "Requests to carrels and the desk", unit: "reqps",
		queries: []query{{`sum by (code) (rate(carrel_gateway_requests_total[5m]))`, "{{code}}"}},
	},
}

// processes answers "is Carrel all right?".
var processes = []panel{
	{
		title: "Replicas that answer", unit: "short",
		queries: []query{{`sum by (job) (up{job=~"carrel-.*"})`, "{{job}}"}},
	},
	{
		title: "Queues", about: "Objects that wait for a controller. An alert fires if one stays above 100.", unit: "short",
		queries: []query{{`sum by (job, name) (workqueue_depth{job=~"carrel-.*"})`, "{{job}}: {{name}}"}},
	},
	{
		title: "Reconciliations that failed", unit: "ops",
		queries: []query{{`sum by (controller) (rate(controller_runtime_reconcile_errors_total{job=~"carrel-.*"}[5m]))`, "{{controller}}"}},
	},
	{
		title: "Time of a reconciliation, 99 of 100", unit: "s",
		queries: []query{{`histogram_quantile(0.99, sum by (le, controller) (rate(controller_runtime_reconcile_time_seconds_bucket{job=~"carrel-.*"}[5m])))`, "{{controller}}"}},
	},
	{
		title: "Memory", unit: "bytes",
		queries: []query{{`process_resident_memory_bytes{job=~"carrel-.*"}`, "{{job}} {{pod}}"}},
	},
	{
		title: "Requests to the API server", unit: "reqps",
		queries: []query{{`sum by (job, code) (rate(rest_client_requests_total{job=~"carrel-.*"}[5m]))`, "{{job}}: {{code}}"}},
	},
	{
		title: "Posts to forges", unit: "short",
		queries: []query{{`sum by (forge, result) (increase(carrel_reporter_posts_total[30m]))`, "{{forge}}: {{result}}"}},
	},
	{
		title: "Trials of Templates", unit: "short",
		queries: []query{{`sum(increase(carrel_errands_started_total[1h]))`, "started"}, {`sum by (outcome) (increase(carrel_errand_outcomes_total[1h]))`, "{{outcome}}"}},
	},
}
