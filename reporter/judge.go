package reporter

import "github.com/carrel-dev/carrel/forge"

// verdict is what is to be said of a commit.
type verdict struct {
	state       forge.State
	description string
	// interim: carrels are on their way, so the number of those in need of
	// attention may change by itself.
	interim bool
}

// judge returns how a commit did, from how Flux and the carrels stand. It depends on
// nothing that was said before. What is on its way is pending: core/health turns it into
// a failure once it has taken longer than its step may.
func judge(aim Aim, syncs []Sync, tally Tally) verdict {
	for _, sync := range syncs {
		if _, behind := aim.Behind[sync.Key]; sync.Failure != "" && !behind {
			return verdict{state: forge.Failure, description: describeFailure(sync)}
		}
	}
	switch late := behindNames(aim, syncs); {
	case len(late) > 0:
		return verdict{state: forge.Pending, description: describeWait(tally, late)}
	case tally.Objection != "":
		return verdict{state: forge.Failure, description: shorten(tally.Objection)}
	case tally.Trial.Failed != "":
		return verdict{state: forge.Failure, description: describeTrial(tally.Trial)}
	case tally.Forgotten > 0:
		return verdict{state: forge.Failure, description: describeForgotten(tally.Forgotten)}
	case tally.Behind > 0 || tally.Unread || tally.Trial.Unread != "":
		return verdict{state: forge.Pending, description: describeProgress(tally)}
	case tally.attention() > 0:
		return verdict{state: forge.Failure, description: describeAttention(tally), interim: tally.onTheirWay() > 0}
	case tally.onTheirWay() > 0 || tally.Trial.Pending:
		return verdict{state: forge.Pending, description: describeProgress(tally)}
	}
	return verdict{state: forge.Success, description: describeSuccess(tally, syncs)}
}

// behindNames names the Kustomizations that Flux has yet to bring to the commit.
func behindNames(aim Aim, syncs []Sync) (names []string) {
	for _, sync := range syncs {
		if _, behind := aim.Behind[sync.Key]; behind {
			names = append(names, sync.Name)
		}
	}
	return names
}
