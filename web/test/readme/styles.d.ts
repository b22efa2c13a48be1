/** As Next.js declares it for its apps. */

declare module "*.css";
