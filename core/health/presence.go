package health

// Presence is what a carrel is to be.
type Presence string

const (
	// Running means that there is to be a pod.
	Running Presence = "Running"
	// Queued means that there is to be one when it is the carrel's turn.
	Queued Presence = "Queued"
	// Asleep means that there is to be none until its user comes.
	Asleep Presence = "Asleep"
	// Disabled means that there is to be none, by the spec.
	Disabled Presence = "Disabled"
	// Over means that there is to be none, since the term is over.
	Over Presence = "Over"
)
