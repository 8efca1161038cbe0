package roster

// Limits of the kinds.
const (
	maxUser     = 256
	maxName     = 200
	maxTemplate = 63
	maxPart     = 63 // of a section or a team
)

// Limits of the rosters of one course. They bound what reading a file costs, whatever
// it holds.
const (
	// maxRows is the largest number of lines below the headers of all files.
	maxRows = 10_000
	// maxColumns is the largest number of columns of a file.
	maxColumns = 100
	// maxBytes is the largest size of a file. A ConfigMap holds no more.
	maxBytes = 1 << 20
)
