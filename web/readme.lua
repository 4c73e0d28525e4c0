-- README.md is read on its own, in the repository: links between notebooks go to the notebooks' files, links to pages
-- are dropped, boxes become plain paragraphs and a picture shows its description.
local function image(img)
  return pandoc.Image(img.attributes["fig-alt"], img.src)
end

local function link(a)
  if a.target:match("^[%w_-]+%.html") then return a.content end
  if a.target:match("^[%w_-]+%.ipynb") then a.target = "nbs/" .. a.target end
  return a
end

local function code(block)
  if block.classes:includes("output") then return pandoc.CodeBlock(block.text) end
end

local function unwrap(box) return box.content end

return { { Image = image, Link = link, CodeBlock = code, Div = unwrap, Figure = unwrap } }
