package console

import "github.com/gin-gonic/gin"

// peoplePath is where admins look after people and tokens, selfPath where everybody looks
// after themselves.
const (
	peoplePath = "/console/people"
	selfPath   = "/console/you"
)

// houseRoutes are the pages about the people of the house.
func (s *Console) houseRoutes(*gin.Engine) {}
