-- README.md is read on its own: links between notebooks go to the notebooks' files, boxes become plain paragraphs.
function Div(div) return div.content end
function Image(img)
  img.caption = pandoc.Inlines(img.attributes["fig-alt"] or img.caption)
  img.attributes = {}
  return img
end
function Figure(f) return f.content end
function Link(a)
  if a.target:match("^[%w_-]+%.ipynb") then a.target = "nbs/" .. a.target end
  return a
end
