package console

import "github.com/gin-gonic/gin"

// Where many requests are worked on at once.
const (
	exportsPath = "/console/exports"
	bulkPath    = "/console/bulk"
	viewsPath   = "/console/views"
)

// workRoutes are what is done to many requests at once.
func (s *Console) workRoutes(e *gin.Engine) {
	e.Match(looked, exportsPath, s.page(s.seated(s.exports)))
	e.POST(exportsPath, s.page(s.seated(s.startExport)))
	e.Match(looked, exportsPath+"/:file", s.page(s.seated(s.download)))
	e.POST(exportsPath+"/:file/remove", s.page(s.seated(s.removeExport)))
	e.POST(bulkPath, s.page(s.seated(s.bulk)))
	e.POST(viewsPath, s.page(s.seated(s.saveView)))
	e.POST(viewsPath+"/remove", s.page(s.seated(s.removeView)))
}
