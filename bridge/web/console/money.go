package console

import "github.com/gin-gonic/gin"

// moneyPath is where finance sees how it goes; auditPath where admins see who did what.
const (
	moneyPath = "/console/money"
	auditPath = "/console/audit"
)

// moneyRoutes are the pages about how it goes.
func (s *Console) moneyRoutes(*gin.Engine) {}
