package console

import (
	"strings"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// room is a part of the console that the navigation leads to.
type room struct {
	Text, Href string
	// Here says that the page is in it.
	Here bool
	may  bridge.Operation
}

// rooms are those that a person may enter.
func rooms(c *gin.Context, p bridge.Person) (all []room) {
	at := c.Request.URL.Path
	for _, r := range []room{
		{Text: "Queue", Href: queuePath, may: bridge.MaySee, Here: at == queuePath || strings.HasPrefix(at, requestPath)},
		{Text: "Money", Href: moneyPath, may: bridge.MaySee},
		{Text: "Reconciliation", Href: reconcilePath, may: bridge.MaySee},
		{Text: "Exports", Href: exportsPath, may: bridge.MayExport},
		{Text: "Audit", Href: auditPath, may: bridge.MayAudit},
		{Text: "People", Href: peoplePath, may: bridge.MayManage},
		{Text: "You", Href: selfPath, may: bridge.MaySee},
	} {
		if p.May(r.may, "") == nil {
			r.Here = r.Here || r.Href != queuePath && strings.HasPrefix(at, r.Href)
			all = append(all, r)
		}
	}
	return all
}
